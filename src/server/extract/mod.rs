//! What handlers read from a request: one extractor a file. They know HTTP and the chat's settings, and decide nothing.

pub(super) mod cookies;
pub(super) mod own_address;
