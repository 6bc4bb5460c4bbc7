//! A peer: fan-out as one writes it with axum's `Sse` and a tokio broadcast channel. It acknowledges from memory, keeps no history
//! and resumes nothing; a subscriber that falls out of the channel's ring is closed.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    response::{
        IntoResponse, Sse,
        sse::{Event, KeepAlive},
    },
    routing::{get, post},
    serve::ListenerExt,
};
use futures::{StreamExt, stream};
use tokio::{net::TcpListener, sync::broadcast};

/// Messages that a subscriber may be behind, as many as nchan and live-chat keep.
const BUFFERED: usize = 1_000;

type Channel = broadcast::Sender<Arc<str>>;

/// Serves until the process is ended.
pub fn serve(addr: SocketAddr) -> std::io::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let channel: Channel = broadcast::channel(BUFFERED).0;
        let app = Router::new().route("/subscribe", get(subscribe)).route("/publish", post(publish)).with_state(channel);
        let listener = TcpListener::bind(addr).await?.tap_io(|socket| drop(socket.set_nodelay(true)));
        axum::serve(listener, app).await
    })
}

async fn publish(State(channel): State<Channel>, body: String) {
    // Nobody may be there, which is no error.
    let _ = channel.send(body.into());
}

async fn subscribe(State(channel): State<Channel>) -> impl IntoResponse {
    let hello = stream::once(async { Ok::<_, Infallible>(Event::default().comment("hello")) });
    let messages = stream::unfold((channel.subscribe(), 0_u64), |(mut messages, id)| async move {
        let text = messages.recv().await.ok()?;
        Some((Ok(Event::default().id(id.to_string()).data(&*text)), (messages, id + 1)))
    });
    Sse::new(hello.chain(messages)).keep_alive(KeepAlive::default())
}
