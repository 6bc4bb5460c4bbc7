//! Other people's servers that the chat speaks to: the webhooks, which are told what happens, and the review handlers, which are
//! asked before it does. Who else has something to ask of another server does so by the same client.
//!
//! Their addresses are given by whoever runs a room, and the requests come from inside the operator's network: `guard` decides
//! where they may go, at each connection that `client` opens.

mod client;
mod delivery;
mod guard;
mod review;
mod webhooks;

pub(super) use self::webhooks::{NewWebhook, WebhookError};
pub use self::{
    client::{Client, system_trust},
    delivery::Schedule,
    guard::Guard,
    review::Reviews,
    webhooks::Webhooks,
};
