use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::{Router, extract::Request, response::IntoResponse, routing::get};
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{mpsc, watch},
};
use tower::ServiceExt;

use super::{
    admission::{Admission, Full, Permit},
    connection,
    error::ApiError,
    ivs,
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

/// How long a handshake waits for a place: less than any request may take.
const HELD_FOR: Duration = Duration::from_secs(20);

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
pub async fn serve(listener: TcpListener, app: Router, admission: Admission, mut stop: watch::Receiver<bool>) {
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    let stopping = stop.clone();
    loop {
        let accept = async {
            admission.until_accepting().await;
            listener.accept().await
        };
        let accepted = tokio::select! {
            accepted = accept => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((socket, peer)) => {
                let (app, permit) = admit(peer.ip(), &app, &admission, &stopping);
                let serving = connection::serve(socket, peer.ip(), app, admission.limits(), permit, stopping.clone());
                let open = open.clone();
                tokio::spawn(async move {
                    serving.await;
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

/// A connection's place, and what it finds there.
fn admit(peer: IpAddr, app: &Router, admission: &Admission, stop: &watch::Receiver<bool>) -> (Router, Permit) {
    match admission.admit(peer) {
        Ok(permit) => (app.clone(), permit),
        Err(full) => {
            full.count(1);
            (refusal(full, peer, app.clone(), admission.clone(), stop.clone()), admission.admit_over(peer))
        }
    }
}

/// Answers everything with why there is no place. But a handshake of Amazon's client is held until there is one: that tries four times
/// in the same moment, and then never again.
fn refusal(full: Full, peer: IpAddr, app: Router, admission: Admission, stop: watch::Receiver<bool>) -> Router {
    let refuse = move || connection::closing(ApiError::from(full).into_response());
    let hold = move |request: Request| async move {
        let mut stopping = stop;
        let has_place = tokio::select! {
            () = admission.until_under(peer) => true,
            () = tokio::time::sleep(HELD_FOR) => false,
            _ = stopping.wait_for(|stop| *stop) => false,
        };
        if has_place { app.oneshot(request).await.unwrap_or_else(|never| match never {}) } else { refuse() }
    };
    Router::new().route(ivs::SOCKET, get(hold)).fallback(async move || refuse())
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
