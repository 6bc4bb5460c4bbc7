//! The listening sockets.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::Router;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{mpsc, watch},
};

use super::{
    admission::{Admission, Held, Permit},
    connection,
    transport::Backlog,
};

/// Bytes that the kernel keeps of what was not sent yet, for each connection. More only delays the notice that a reader has stalled,
/// and costs memory for each that has; less would cost a slow but healthy reader its speed.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 64 * 1024;

/// How long a peer may leave what it was sent unacknowledged before its connection is closed: one that lost its network is told
/// as gone a minute after the next heartbeat, not after the quarter of an hour that TCP would try.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_FOR: Duration = Duration::from_secs(60);

/// How long to wait when the operating system gives no more connections: some must close first.
const EXHAUSTED_FOR: Duration = Duration::from_millis(100);

/// Connections that may wait to be accepted. After a restart all viewers come at once, and one that finds no place here tries again
/// only after a second or more. The kernel has a limit of its own (net.core.somaxconn, 4,096 by default).
const BACKLOG: u32 = 4_096;

/// Listens on `addr`.
///
/// # Errors
/// If the address is not there, or another process has it.
pub fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Else a restart would have to wait until the old connections are forgotten.
    socket.set_reuseaddr(true)?;
    // An event is a few hundred bytes that must leave now, not when more have gathered (Nagle). This and what follows is inherited
    // by each connection, with no call to the system of its own.
    socket.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let socket = SockRef::from(&socket);
        socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
        socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_FOR))?;
    }
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Accepts connections and serves them with `app` until `stop` becomes true; returns when all have ended.
pub async fn serve(listener: TcpListener, app: Router, admission: Admission, backlog: Backlog, mut stop: watch::Receiver<bool>) {
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    let stopping = stop.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((socket, peer)) => {
                let Some(entrance) = Entrance::of(&admission, peer.ip()) else { continue };
                let (app, limits, stopping, open) = (app.clone(), admission.limits(), stopping.clone(), open.clone());
                let backlog = backlog.clone();
                tokio::spawn(async move {
                    if let Some(permit) = entrance.pass(stopping.clone()).await {
                        connection::serve(socket, peer.ip(), app, limits, permit, backlog, stopping).await;
                    }
                    drop(open);
                });
            }
            Err(error) if is_the_peer_s(&error) => {}
            Err(error) => {
                tracing::error!(%error, connections = admission.open(), "a connection cannot be accepted");
                tokio::time::sleep(EXHAUSTED_FOR).await;
            }
        }
    }
    drop((listener, open));
    let _ = all_closed.recv().await;
}

/// How a new connection gets its permit.
enum Entrance {
    /// At once.
    Open(Permit),
    /// When there is a place, if that is soon. Until then nothing is read from it.
    Held(Held),
}

impl Entrance {
    /// Returns `None` for a connection that is to be closed at once.
    fn of(admission: &Admission, peer: IpAddr) -> Option<Self> {
        match admission.admit(peer) {
            Ok(permit) => Some(Self::Open(permit)),
            Err(full) => {
                full.count(1);
                admission.hold(peer).map(Self::Held)
            }
        }
    }

    async fn pass(self, mut stop: watch::Receiver<bool>) -> Option<Permit> {
        match self {
            Self::Open(permit) => Some(permit),
            Self::Held(held) => tokio::select! {
                permit = held.permit() => permit,
                _ = stop.wait_for(|stop| *stop) => None,
            },
        }
    }
}

/// A connection that its peer has given up before it was accepted.
fn is_the_peer_s(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn accepted_connections_inherit_what_the_listener_has() {
        let listener = bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let _client = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("a listener");
        let (accepted, _) = listener.accept().await.expect("a connection");
        assert!(accepted.nodelay().expect("a socket"));
        let socket = SockRef::from(&accepted);
        assert_eq!(socket.tcp_notsent_lowat().expect("Linux"), UNSENT_BYTES);
        assert_eq!(socket.tcp_user_timeout().expect("Linux"), Some(UNACKNOWLEDGED_FOR));
    }
}
