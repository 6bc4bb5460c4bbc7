//! Who moderates, for whoever runs the chat, and what somebody sees who is invited. Rendered on the server alone: forms and links.

use leptos::{either::EitherOf3, prelude::*};

use super::page;
use crate::app::view::{InvitationRow, PeopleView};

/// The invitations, and the form to make one.
pub fn people(view: PeopleView) -> impl IntoView {
    let PeopleView { invitations, rooms, name, link, invited, error } = view;
    let is_wrong = !error.is_empty();
    let has_invitations = !invitations.is_empty();
    let options = rooms.into_iter().map(|(room, name)| view! { <option value=room.to_string()>{name}</option> }).collect_view();
    let made = (!link.is_empty()).then(|| {
        view! {
            <section class="made" role="status">
                <p>"Send this link to "<bdi>{invited}</bdi>". It works once, and is not shown again."</p>
                <p><code>{link}</code></p>
            </section>
        }
    });
    let body = view! {
            <nav class="path" aria-label="Breadcrumb"><a href="/admin">"Rooms"</a></nav>
            <p>"Who takes an invitation moderates: they delete messages and decide who may write, under a name that is theirs alone."</p>
            {made}
            <p hidden=has_invitations>"Nobody is invited yet."</p>
            <table hidden=!has_invitations>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Room"</th>
                        <th scope="col">"Invitation"</th>
                        <th scope="col">"Revoke"</th>
                    </tr>
                </thead>
                <tbody>{invitations.into_iter().map(row).collect_view()}</tbody>
            </table>
            <h2 id="new">"New invitation"</h2>
            <form class="fields" method="post" action="/admin/people" aria-labelledby="new">
                <p class="field">
                    <label for="name">"Name"</label>
                    <input
                        id="name"
                        name="name"
                        type="text"
                        autocomplete="off"
                        dir="auto"
                        required
                        value=name
                        aria-invalid=is_wrong.then_some("true")
                        aria-describedby="name-error"
                    />
                </p>
                <p id="name-error" class="error" role="alert" hidden=!is_wrong>{error}</p>
                <p class="field">
                    <label for="room">"Room"</label>
                    <select id="room" name="room">
                        <option value="">"All rooms"</option>
                        {options}
                    </select>
                </p>
                <button class="button" type="submit">"Invite"</button>
            </form>
    };
    page("People", body)
}

fn row(InvitationRow { id, room, name, taken_at, is_revoked }: InvitationRow) -> impl IntoView {
    let label = format!("Revoke {name}");
    let state = match &*taken_at {
        _ if is_revoked => EitherOf3::A("revoked"),
        "" => EitherOf3::B("open"),
        at => {
            let words = format!("taken on {}", at.split('T').next().unwrap_or_default());
            EitherOf3::C(view! { <time datetime=at.to_owned()>{words}</time> })
        }
    };
    let revoke = (!is_revoked).then(|| {
        view! {
            <form method="post" action=format!("/admin/people/{id}/revoke")>
                <button class="button quiet" type="submit" aria-label=label>"Revoke"</button>
            </form>
        }
    });
    view! {
        <tr>
            <th scope="row" dir="auto">{name}</th>
            <td dir="auto">{room}</td>
            <td>{state}</td>
            <td>{revoke}</td>
        </tr>
    }
}

/// What an invitation is, and the button that takes it.
pub fn invitation(name: String, to: String) -> impl IntoView {
    view! {
        <main class="notice-page">
            <h1>"You are invited"</h1>
            <p>"To moderate "<bdi>{to}</bdi>", as "<bdi>{name}</bdi>". The invitation works once, in this browser."</p>
            <form method="post" action="">
                <button class="button" type="submit">"Accept"</button>
            </form>
        </main>
    }
}
