use leptos::{either::EitherOf3, prelude::*};
use leptos_meta::Title;

use super::{fields, naming, page, path_to_rooms};
use crate::{
    app::{
        document::texts,
        view::{InvitationRow, PeopleView},
    },
    texts::{Texts, key},
};

/// Who is invited to moderate, and the form to invite somebody.
#[component]
pub fn PeoplePage(
    /// What it shows.
    view: PeopleView,
) -> impl IntoView {
    let texts = texts();
    let PeopleView { invitations, rooms, name, link, invited, error } = view;
    let has_invitations = !invitations.is_empty();
    let made = (!link.is_empty()).then(|| {
        view! {
            <section class="made" role="status">
                <p>{naming(texts, key::admin::LINK_MADE, &[("name", &invited)])}</p>
                <p><code>{link}</code></p>
            </section>
        }
    });
    let body = view! {
            <Title text=texts.text(key::admin::PEOPLE) />
            {path_to_rooms(texts)}
            <p>{texts.text(key::admin::PEOPLE_HELP)}</p>
            {made}
            <p hidden=has_invitations>{texts.text(key::admin::NOBODY_INVITED)}</p>
            <div class="wide" role="region" aria-label=texts.text(key::admin::PEOPLE) tabindex="0" hidden=!has_invitations>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{texts.text(key::admin::NAME)}</th>
                            <th scope="col">{texts.text(key::admin::ROOM)}</th>
                            <th scope="col">{texts.text(key::admin::INVITATION)}</th>
                            <th scope="col">{texts.text(key::admin::REVOKE)}</th>
                        </tr>
                    </thead>
                    <tbody>{invitations.into_iter().map(|invitation| row(texts, invitation)).collect_view()}</tbody>
                </table>
            </div>
            <h2 id="new">{texts.text(key::admin::NEW_INVITATION)}</h2>
            <form class="fields" method="post" action="/admin/people" aria-labelledby="new">
                {fields::name(texts, name, error)}
                {fields::room(texts, rooms, "", String::new())}
                <button class="button" type="submit">{texts.text(key::admin::INVITE)}</button>
            </form>
    };
    page(texts, texts.text(key::admin::PEOPLE), body)
}

fn row(texts: &'static Texts, InvitationRow { id, room, name, taken_at, is_revoked }: InvitationRow) -> impl IntoView {
    let label = texts.fill(key::admin::REVOKE_OF, &[("name", &name)]);
    let state = match &*taken_at {
        _ if is_revoked => EitherOf3::A(texts.text(key::admin::IS_REVOKED)),
        "" => EitherOf3::B(texts.text(key::admin::IS_OPEN)),
        at => {
            let words = texts.fill(key::admin::TAKEN_ON, &[("date", at.split('T').next().unwrap_or_default())]);
            EitherOf3::C(view! { <time datetime=at.to_owned()>{words}</time> })
        }
    };
    let revoke = (!is_revoked).then(|| {
        view! {
            <form method="post" action=format!("/admin/people/{id}/revoke")>
                <button class="button quiet" type="submit" aria-label=label>{texts.text(key::admin::REVOKE)}</button>
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
