use axum::{extract::Request, http::Method, middleware::Next, response::Response};
use tokio::sync::Semaphore;

/// Answers with stored messages that are put together at once. Each takes a few MiB meanwhile, and more would not be faster: the store
/// reads four at a time.
static PLACES: Semaphore = Semaphore::const_new(16);

/// Middleware for routes that answer with stored messages: each waits for its turn. What is put together counts in the backlog then.
///
/// Only requests without a body wait, since nobody may keep a place by sending slowly.
pub async fn one_of_few(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let _place = if is_read { PLACES.acquire().await.ok() } else { None };
    next.run(request).await
}
