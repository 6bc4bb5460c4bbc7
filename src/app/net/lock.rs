//! A lock that one tab of a browser holds at a time (Web Locks API). The browser passes it on at once when its holder closes or crashes,
//! without the timers that it slows down in hidden tabs.

use std::{cell::RefCell, rc::Rc};

use js_sys::{Function, Object, Promise, Reflect, futures::JsFuture};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::AbortController;

use crate::app::task::spawn;

/// What happens to a request for the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// This tab holds the lock.
    Granted,
    /// The lock cannot be had, or another tab has taken it away.
    Lost,
}

/// The lock of that name, as one tab sees it.
pub struct Lock {
    locks: JsValue,
    request: Function,
    name: String,
    /// Ends what the tab has: its place in the queue, or the lock.
    release: Rc<RefCell<Option<Release>>>,
}

enum Release {
    Queued(AbortController),
    Held(Function),
}

impl Lock {
    /// Finds the lock. None in a browser without locks, and on a page that came over plain HTTP.
    pub fn find(name: &str) -> Option<Self> {
        let locks = Reflect::get(&window().navigator(), &"locks".into()).ok()?;
        let request = Reflect::get(&locks, &"request".into()).ok()?.dyn_into().ok()?;
        Some(Self { locks, request, name: name.to_owned(), release: Rc::default() })
    }

    /// Queues for the lock, or takes it from the tab that has it. Gives up what this tab has of it before.
    pub fn request(&self, steals: bool, turn: Rc<dyn Fn(Turn)>) {
        self.release();
        let options = Object::new();
        let abort = AbortController::new().ok();
        match &abort {
            Some(abort) if !steals => set(&options, "signal", &abort.signal()),
            _ => set(&options, "steal", &steals.into()),
        }
        let signal = abort.as_ref().map(AbortController::signal);
        self.release.replace(abort.filter(|_| !steals).map(Release::Queued));
        let (release, on_grant) = (Rc::clone(&self.release), Rc::clone(&turn));
        let granted = Closure::once_into_js(move |_: JsValue| {
            let held = Promise::new(&mut |resolve, _| {
                release.replace(Some(Release::Held(resolve)));
            });
            on_grant(Turn::Granted);
            held
        });
        let held = self.request.call3(&self.locks, &self.name.as_str().into(), &options, &granted);
        spawn(async move {
            let is_lost = match held.and_then(|held| held.dyn_into::<Promise>()) {
                Ok(held) => JsFuture::from(held).await.is_err(),
                Err(_) => true,
            };
            if is_lost && !signal.is_some_and(|signal| signal.aborted()) {
                turn(Turn::Lost);
            }
        });
    }

    /// Gives up the lock, or the place in the queue for it.
    pub fn release(&self) {
        match self.release.take() {
            Some(Release::Queued(abort)) => abort.abort(),
            Some(Release::Held(resolve)) => {
                // It throws nothing.
                let _ = resolve.call0(&JsValue::UNDEFINED);
            }
            None => {}
        }
    }
}

/// Sets a property of an object that accepts all.
fn set(object: &Object, name: &str, value: &JsValue) {
    let _ = Reflect::set(object, &name.into(), value);
}
