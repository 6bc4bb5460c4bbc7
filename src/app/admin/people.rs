//! Who moderates, for whoever runs the chat, and what somebody sees who is invited. Rendered on the server alone: forms and links.

use leptos::{either::EitherOf3, prelude::*};

use super::{fields, naming, page, path_to_rooms};
use crate::{
    app::view::{EntranceView, InvitationRow, PeopleView},
    texts::Texts,
};

/// The invitations, and the form to make one.
pub fn people(texts: &'static Texts, view: PeopleView) -> impl IntoView {
    let PeopleView { invitations, rooms, name, link, invited, error } = view;
    let has_invitations = !invitations.is_empty();
    let made = (!link.is_empty()).then(|| {
        view! {
            <section class="made" role="status">
                <p>{naming(texts, "admin.link_made", &[("name", &invited)])}</p>
                <p><code>{link}</code></p>
            </section>
        }
    });
    let body = view! {
            {path_to_rooms(texts)}
            <p>{texts.text("admin.people_help")}</p>
            {made}
            <p hidden=has_invitations>{texts.text("admin.nobody_invited")}</p>
            <div class="wide" role="region" aria-label=texts.text("admin.people") tabindex="0" hidden=!has_invitations>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{texts.text("admin.name")}</th>
                            <th scope="col">{texts.text("admin.room")}</th>
                            <th scope="col">{texts.text("admin.invitation")}</th>
                            <th scope="col">{texts.text("admin.revoke")}</th>
                        </tr>
                    </thead>
                    <tbody>{invitations.into_iter().map(|invitation| row(texts, invitation)).collect_view()}</tbody>
                </table>
            </div>
            <h2 id="new">{texts.text("admin.new_invitation")}</h2>
            <form class="fields" method="post" action="/admin/people" aria-labelledby="new">
                {fields::name(texts, name, error)}
                {fields::room(texts, rooms, "", String::new())}
                <button class="button" type="submit">{texts.text("admin.invite")}</button>
            </form>
    };
    page(texts, texts.text("admin.people"), body)
}

fn row(texts: &'static Texts, InvitationRow { id, room, name, taken_at, is_revoked }: InvitationRow) -> impl IntoView {
    let label = texts.fill("admin.revoke_of", &[("name", &name)]);
    let state = match &*taken_at {
        _ if is_revoked => EitherOf3::A(texts.text("admin.is_revoked")),
        "" => EitherOf3::B(texts.text("admin.is_open")),
        at => {
            let words = texts.fill("admin.taken_on", &[("date", at.split('T').next().unwrap_or_default())]);
            EitherOf3::C(view! { <time datetime=at.to_owned()>{words}</time> })
        }
    };
    let revoke = (!is_revoked).then(|| {
        view! {
            <form method="post" action=format!("/admin/people/{id}/revoke")>
                <button class="button quiet" type="submit" aria-label=label>{texts.text("admin.revoke")}</button>
            </form>
        }
    });
    view! {
        <tr>
            <th scope="row"><bdi>{name}</bdi></th>
            <td><bdi>{room}</bdi></td>
            <td>{state}</td>
            <td>{revoke}</td>
        </tr>
    }
}

/// The question whether to enter a room as somebody whom another site names, and the button that does.
pub fn entrance(texts: &'static Texts, view: EntranceView) -> impl IntoView {
    let EntranceView { name, to, path, token } = view;
    view! {
        <main class="notice-page">
            <h1>{texts.text("entrance.heading")}</h1>
            <p>{naming(texts, "entrance.what", &[("room", &to), ("name", &name)])}</p>
            <form method="post" action=format!("{path}/enter")>
                <input type="hidden" name="token" value=token />
                // One child: between those of a flexible box white space is not shown.
                <button class="button" type="submit"><span>{naming(texts, "entrance.accept", &[("name", &name)])}</span></button>
            </form>
            <p><a href=path>{texts.text("entrance.decline")}</a></p>
        </main>
    }
}

/// What an invitation is, and the button that takes it.
pub fn invitation(texts: &'static Texts, name: String, to: String) -> impl IntoView {
    view! {
        <main class="notice-page">
            <h1>{texts.text("invitation.heading")}</h1>
            <p>{naming(texts, "invitation.what", &[("room", &to), ("name", &name)])}</p>
            <form method="post" action="">
                <button class="button" type="submit">{texts.text("invitation.accept")}</button>
            </form>
        </main>
    }
}
