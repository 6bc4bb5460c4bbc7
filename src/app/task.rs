//! What a page does beside rendering: effects, tasks and pauses. All of it runs in browsers alone.

use std::{pin::Pin, time::Duration};

use futures::channel::oneshot;
use js_sys::futures::spawn_local;
use leptos::prelude::*;

/// Does something in a browser, and again whenever the state changes that it reads. Boxed, for the same reason as [tasks](spawn).
pub fn follow(mut act: Box<dyn FnMut()>) {
    Effect::new(move |_| act());
}

/// Runs a task of the page. Boxed, so that a browser downloads the code that runs tasks once, and not for each.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    let task: Pin<Box<dyn Future<Output = ()>>> = Box::pin(task);
    spawn_local(task);
}

/// Waits for so many seconds.
pub async fn sleep(seconds: f64) {
    let (done, wait) = oneshot::channel::<()>();
    set_timeout(move || drop(done), Duration::from_millis((seconds * 1_000.0) as u64));
    // Both ends of it are here: it is over when `done` is dropped.
    let _ = wait.await;
}
