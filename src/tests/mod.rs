//! Tests from outside: through the router for HTTP, through the engine's trait for the store. Laid out as the URL tree.

mod admin;
mod client;
mod config;
mod connections;
mod export;
mod import;
mod invitations;
mod metrics;
mod moderation;
mod page;
mod people;
mod publish;
mod replay;
mod resume;
mod resume_model;
mod revoke;
mod rules;
mod search;
mod site;
mod site_users;
mod store;
mod streams;
mod subscribe;

use client::{Answer, Events, SseEvent};
use site::Site;
