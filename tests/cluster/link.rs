use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

/// The network between one node and the NATS servers, which can be cut.
pub struct Link {
    state: Arc<(Mutex<State>, Condvar)>,
    /// Where the node finds the servers.
    pub fronts: Vec<SocketAddr>,
}

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    Flows,
    /// As when packets are lost: connections stay, and what is sent waits.
    Stalls,
    /// As when nobody listens: connections end, new ones too.
    IsRefused,
}

struct State {
    traffic: Traffic,
    streams: Vec<TcpStream>,
}

impl Link {
    /// Leads to `backs`, from as many ports of `ip`.
    pub fn new(ip: Ipv4Addr, first_port: u16, backs: &[SocketAddr]) -> Self {
        let state = Arc::new((Mutex::new(State { traffic: Traffic::Flows, streams: Vec::new() }), Condvar::new()));
        let front = |(port, &back): (u16, &SocketAddr)| {
            let listener = TcpListener::bind((ip, port)).expect("a free port");
            let state = Arc::clone(&state);
            let front = listener.local_addr().expect("bound");
            thread::spawn(move || listener.incoming().flatten().for_each(|stream| carry(stream, back, &state)));
            front
        };
        let fronts = (first_port..).zip(backs).map(front).collect();
        Self { state, fronts }
    }

    pub fn set(&self, traffic: Traffic) {
        let mut state = self.state.0.lock().expect("not poisoned");
        state.traffic = traffic;
        if traffic == Traffic::IsRefused {
            state.streams.drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        }
        self.state.1.notify_all();
    }
}

/// Carries a connection's bytes both ways, on threads of their own.
fn carry(near: TcpStream, back: SocketAddr, state: &Arc<(Mutex<State>, Condvar)>) {
    let state = Arc::clone(state);
    thread::spawn(move || -> io::Result<()> {
        wait_to_flow(&state)?;
        let far = TcpStream::connect(back)?;
        for stream in [&near, &far] {
            stream.set_nodelay(true)?;
            state.0.lock().expect("not poisoned").streams.push(stream.try_clone()?);
        }
        let (near_too, far_too, state_too) = (near.try_clone()?, far.try_clone()?, Arc::clone(&state));
        thread::spawn(move || copy(far_too, near_too, &state_too));
        copy(near, far, &state);
        Ok(())
    });
}

fn copy(mut from: TcpStream, mut to: TcpStream, state: &(Mutex<State>, Condvar)) {
    let mut buffer = [0; 16_384];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if wait_to_flow(state).and_then(|()| to.write_all(&buffer[..read])).is_err() {
            break;
        }
    }
    // The end of one side is the other's, and wakes the other thread.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn wait_to_flow(state: &(Mutex<State>, Condvar)) -> io::Result<()> {
    let state = state.1.wait_while(state.0.lock().expect("not poisoned"), |state| state.traffic == Traffic::Stalls);
    match state.expect("not poisoned").traffic {
        Traffic::Flows => Ok(()),
        Traffic::Stalls | Traffic::IsRefused => Err(io::ErrorKind::ConnectionRefused.into()),
    }
}
