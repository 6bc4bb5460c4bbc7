//! Tests from outside: through the router for HTTP, through the engine's trait for the store. Laid out as the URL tree.

mod admin;
mod client;
mod config;
mod connections;
mod embed;
mod export;
mod held;
mod import;
mod invitations;
mod keys;
mod languages;
mod metrics;
mod moderation;
mod origins;
mod page;
mod people;
mod publish;
mod queue;
mod receiver;
mod replay;
mod resume;
mod resume_model;
mod review;
mod revoke;
mod rules;
mod search;
mod site;
mod site_users;
mod store;
mod streams;
mod subscribe;
mod webhooks;
mod widget_keys;

use client::{Answer, Events, SseEvent};
use receiver::{Received, Receiver, Reply};
use site::Site;
