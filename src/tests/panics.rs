//! No panic goes unseen: not in a test, and not by whoever asked.

use std::{
    panic,
    sync::{Mutex, Once, PoisonError},
    thread,
};

use axum::{Router, body::Body, http::Request, middleware, routing::get};
use tower::ServiceExt;

use super::{Answer, Site};
use crate::server::catch_panics;

/// The thread and the place of each panic that no test has made itself.
static UNEXPECTED: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Fails the test at its end if the program has panicked meanwhile, on the test's thread or on one of the program's own.
pub struct PanicWatch;

impl PanicWatch {
    pub fn start() -> Self {
        static WATCHED: Once = Once::new();
        WATCHED.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                let place = info.location().map(ToString::to_string).unwrap_or_default();
                if !place.starts_with("src/tests/") {
                    let thread = thread::current().name().unwrap_or_default().to_owned();
                    UNEXPECTED.lock().unwrap_or_else(PoisonError::into_inner).push((thread, place));
                }
                before(info);
            }));
        });
        Self
    }
}

impl Drop for PanicWatch {
    fn drop(&mut self) {
        let own = thread::current().name().unwrap_or_default().to_owned();
        // The test runner names the threads of tests by their paths.
        let is_ours = |thread: &str| thread == own || !thread.contains("::");
        let all = UNEXPECTED.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ours: Vec<_> = all.into_iter().filter(|(thread, _)| is_ours(thread)).collect();
        if !thread::panicking() {
            assert!(ours.is_empty(), "the program has panicked: {ours:?}");
        }
    }
}

async fn fail() -> &'static str {
    panic!("as a defect would")
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_for_in_the_form_of_its_dialect() {
    let site = Site::open().await;
    let before = panics(&site);
    let paths = ["/v1/streams/1", "/ivschat/ListRooms", "/interactive-sync/action/query", "/rooms/1"];
    let routes = paths.into_iter().fold(Router::new(), |routes, path| routes.route(path, get(fail)));
    let app = routes.layer(middleware::from_fn_with_state(site.state.clone(), catch_panics)).with_state(site.state.clone());
    let ask = async |path: &str, accept: &str| {
        let request = Request::get(path).header("accept", accept).body(Body::empty()).expect("a request");
        Answer::read(app.clone().oneshot(request).await.expect("the router never fails")).await
    };
    let answer = ask("/v1/streams/1", "*/*").await;
    assert_eq!((answer.status, &answer.json["code"]), (500, &500.into()));
    let answer = ask("/ivschat/ListRooms", "*/*").await;
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (500, "InternalServerException"));
    let answer = ask("/interactive-sync/action/query", "*/*").await;
    assert_eq!((answer.status, &answer.json["statusCode"]), (500, &500.into()));
    let answer = ask("/rooms/1", "text/html,*/*").await;
    assert!(answer.status == 500 && answer.text.contains("<html"), "{}", answer.text);
    assert!(panics(&site) >= before + 4);
}

/// How many panics the process has counted.
fn panics(site: &Site) -> u64 {
    let metrics = site.state.metrics.render();
    let line = metrics.lines().find_map(|line| line.strip_prefix("live_chat_panics_total "));
    line.map_or(0, |count| count.parse().expect("a number"))
}
