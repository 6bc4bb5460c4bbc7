use leptos::{either::EitherOf3, prelude::*};
use leptos_meta::Title;

use super::{
    live::Live,
    page, path_to,
    rooms::RoomRow,
    settings::{Preset, SettingsForm, settings},
    share::{self, Share},
    state,
};
use crate::{
    app::document::texts,
    chat::RoomState,
    texts::{Texts, key},
};

/// What whoever runs the chat sees of one room.
#[derive(Clone, Debug)]
pub struct RoomAdmin {
    /// How it is.
    pub row: RoomRow,
    /// What it is set to.
    pub settings: SettingsForm,
    /// Whether it is shielded against a raid.
    pub is_shielded: bool,
    /// Who may not write there at present.
    pub sanctions: Vec<SanctionRow>,
    /// Where it is found.
    pub share: Share,
    /// Whether something else than a setting was just saved.
    pub is_saved: bool,
}

/// Somebody who may not write.
#[derive(Clone, Debug)]
pub struct SanctionRow {
    /// Their user id.
    pub user: String,
    /// The same, percent-encoded: a form would change line breaks in it.
    pub user_in_form: String,
    /// What was decided, in words.
    pub measure: String,
    /// Why; may be empty.
    pub reason: String,
    /// How many addresses it holds for.
    pub addresses: usize,
}

/// One room: its state, its settings, who may not write in it.
#[component]
pub fn AdminRoomPage(
    /// What it shows.
    view: RoomAdmin,
) -> impl IntoView {
    let texts = texts();
    let RoomAdmin { row, settings: form, is_shielded, sanctions, share, is_saved } = view;
    // What is about some settings stands there.
    let is_general = form.errors.iter().all(|(name, _)| name.is_empty());
    let whole = form.errors.first().filter(|_| is_general).map(|(_, error)| error.clone()).unwrap_or_default();
    let is_fine = whole.is_empty();
    let RoomRow { room, name, state: now, viewer_count, messages_last_minute, waiting, .. } = row;
    let base = format!("/admin/rooms/{room}");
    let start = view! { <button class="button" type="submit" name="state" value="live">{texts.text(key::admin::START)}</button> };
    let prepare = view! {
        <button class="button quiet" type="submit" name="state" value="prepared" aria-describedby="prepare-help">
            {texts.text(key::admin::PREPARE)}
        </button>
        <span id="prepare-help" class="help">{texts.text(key::admin::PREPARE_HELP)}</span>
    };
    let steps = match now {
        RoomState::Created | RoomState::Ended => EitherOf3::A((start, prepare)),
        RoomState::Prepared => EitherOf3::B(start),
        RoomState::Live => {
            EitherOf3::C(view! { <a class="button quiet" href=format!("{base}/end")>{texts.text(key::end::END_ROOM)}</a> })
        }
    };
    let sanction = {
        let action = format!("{base}/lift");
        move |SanctionRow { user, user_in_form, measure, reason, addresses }: SanctionRow| {
            let label = texts.fill(key::admin::LIFT_OF, &[("user", &user)]);
            view! {
                <tr>
                    <th scope="row"><code><bdi>{user}</bdi></code></th>
                    <td>{measure}</td>
                    <td class="number">{texts.number(addresses)}</td>
                    <td dir="auto">{reason}</td>
                    <td>
                        <form method="post" action=action.clone()>
                            <button class="button quiet" type="submit" name="user" value=user_in_form aria-label=label>{texts.text(key::admin::LIFT)}</button>
                        </form>
                    </td>
                </tr>
            }
        }
    };
    let viewers = texts.count(key::page::VIEWERS, viewer_count);
    let messages = texts.count(key::admin::MESSAGES_LAST_MINUTE, messages_last_minute as usize);
    let has_sanctions = !sanctions.is_empty();
    let body = view! {
        <Title text=texts.fill(key::admin::TITLE_OF_ROOM, &[("room", &name)]) />
        <Live />
        {path_to(texts, &room.to_string(), &name)}
        <p class="done" role="status" hidden=!is_saved>{is_saved.then(|| texts.text(key::admin::SAVED))}</p>
        <form class="states" data-live="states" method="post" action=format!("{base}/state")>
            <p>
                {state(texts, now)} " "
                {texts.fill(key::admin::NOW, &[("viewers", &viewers), ("messages", &messages)])}
            </p>
            {steps}
        </form>
        <p>
            <a href=format!("/rooms/{room}")>{texts.text(key::admin::OPEN_CHAT)}</a>" · "
            <a href=format!("{base}/queue") data-live="waiting">{texts.count(key::page::TO_REVIEW, waiting)}</a>" · "
            <a href=format!("{base}/log")>{texts.text(key::admin::DONE_HERE)}</a>
        </p>
        {share::share(texts, share)}
        <h2 id="settings">{texts.text(key::admin::SETTINGS)}</h2>
        <p class="error" role="alert" hidden=is_fine>{whole}</p>
        {presets(texts, is_shielded, &base)}
        {settings(texts, form, &base)}
        <h2>{texts.text(key::admin::SANCTIONS)}</h2>
        <p hidden=has_sanctions>{texts.text(key::admin::NO_SANCTIONS)}</p>
        <div class="wide" role="region" aria-label=texts.text(key::admin::SANCTIONS) tabindex="0" hidden=!has_sanctions>
            <table>
                <thead>
                    <tr>
                        <th scope="col">{texts.text(key::admin::USER)}</th>
                        <th scope="col">{texts.text(key::admin::HOW_LONG)}</th>
                        <th scope="col" class="number">{texts.text(key::admin::ADDRESSES)}</th>
                        <th scope="col">{texts.text(key::admin::WHY)}</th>
                        <td></td>
                    </tr>
                </thead>
                <tbody>{sanctions.into_iter().map(sanction).collect_view()}</tbody>
            </table>
        </div>
    };
    page(texts, view! { <bdi>{name}</bdi> }, body)
}

/// Settings that fit together, each of which is set with one click.
fn presets(texts: &'static Texts, is_shielded: bool, base: &str) -> impl IntoView + use<> {
    let preset = |preset: &Preset| {
        let help = format!("preset-{}", preset.name);
        view! {
            <p>
                <button class="button quiet" type="submit" name="preset" value=preset.name aria-describedby=help.clone()>
                    {texts.text(preset.label)}
                </button>
                <span id=help class="help">{texts.text(preset.help)}</span>
            </p>
        }
    };
    let (to, shield) = match is_shielded {
        true => ("off", key::setting::SHIELD_OFF),
        false => ("on", key::setting::SHIELD_ON),
    };
    view! {
        <form class="presets" method="post" action=format!("{base}/preset") aria-label=texts.text(key::setting::PRESETS)>
            <p>
                <button class="button quiet" type="submit" name="shield" value=to aria-describedby="shield-means">{texts.text(shield)}</button>
                <span id="shield-means" class="help">{texts.text(key::setting::SHIELD_HELP)}</span>
            </p>
            {Preset::ALL.iter().map(preset).collect_view()}
        </form>
    }
}
