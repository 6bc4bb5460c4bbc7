//! Finds the connection that a guest came back with who goes on to use their first token; see `live::returning` for the rules.

use std::{net::IpAddr, sync::Arc};

use super::{
    Claims, ConnectionId, Hub,
    live::{Candidates, LiveRoom, Lost},
};
use crate::chat::RoomId;

impl Hub {
    /// A token is used in a room. If its user may have come back over another connection, that one is looked for: at once on this node,
    /// and on the others in the background.
    pub(super) fn note_token(&self, live: &Arc<LiveRoom>, claims: &Claims, from: Option<IpAddr>) {
        let Some(lost) = lost(live, claims, from) else { return };
        if self.0.cluster.is_none() {
            stand_in_here(live, &lost);
        } else if let Some(permit) = self.may_look_for(lost.connection) {
            let (hub, live) = (self.clone(), Arc::clone(live));
            tokio::spawn(async move {
                hub.find_returned(&live, lost).await;
                drop(permit);
            });
        }
    }

    /// Looks for the connection that a guest came back with, on all nodes. Does nothing on one machine, where
    /// [`note_token`](Self::note_token) has done it.
    pub(super) async fn look_for_returned(&self, live: &LiveRoom, claims: &Claims, from: Option<IpAddr>) {
        if self.0.cluster.is_some()
            && let Some(lost) = lost(live, claims, from)
        {
            self.find_returned(live, lost).await;
        }
    }

    async fn find_returned(&self, live: &LiveRoom, mut lost: Lost) {
        let room = live.id();
        if !lost.seems_connected {
            match self.hold_elsewhere(room, &lost.user, lost.connection).await {
                Some(false) => return,
                held => lost.seems_connected = held.is_some(),
            }
        }
        let (only, is_here) = match live.candidates(&lost, None) {
            Candidates::Several => return,
            Candidates::One(connection) => (connection, true),
            Candidates::None => match self.candidates_elsewhere(room, &lost, None).await {
                Candidates::One(connection) => (connection, false),
                Candidates::None | Candidates::Several => return,
            },
        };
        // Only the first node that has one has answered.
        if self.candidates_elsewhere(room, &lost, Some(only)).await != Candidates::None {
            return;
        }
        if is_here {
            live.stand_in(only, &lost);
        } else {
            self.stand_in_elsewhere(room, only, lost).await;
        }
    }

    /// What another node's hub asks: the connections here that may be the one.
    pub(super) fn candidates_here(&self, room: RoomId, lost: &Lost, other_than: Option<ConnectionId>) -> Candidates {
        self.find(room).map_or(Candidates::None, |live| live.candidates(lost, other_than))
    }
}

fn stand_in_here(live: &LiveRoom, lost: &Lost) {
    if let Candidates::One(connection) = live.candidates(lost, None) {
        live.stand_in(connection, lost);
    }
}

/// Who uses their token from there, if they are a guest who may have lost the connection that it was made for.
fn lost(live: &LiveRoom, claims: &Claims, from: Option<IpAddr>) -> Option<Lost> {
    let connection = claims.connection?;
    let seems_connected = live.use_token(&claims.user, connection);
    // Whoever moderates is known by what lets them moderate.
    if claims.capabilities.moderate() {
        return None;
    }
    let (trace, since) = (claims.origin.trace?, claims.origin.since.unwrap_or_default());
    Some(Lost { user: claims.user.clone(), connection, trace, from: from?, since, seems_connected })
}
