//! What whoever runs the chat sees. Rendered on the server alone: forms and links, no script.

use leptos::prelude::*;

use super::view::RoomRow;

/// The form to sign in.
pub fn sign_in(error: String) -> impl IntoView {
    let is_wrong = !error.is_empty();
    view! {
        <main class="notice-page">
            <h1>"Sign in"</h1>
            <form class="sign-in" method="post" action="/admin">
                <label for="password">"Password"</label>
                <input
                    id="password"
                    name="password"
                    type="password"
                    autocomplete="current-password"
                    required
                    autofocus
                    aria-invalid=is_wrong.then_some("true")
                    aria-describedby="password-error"
                />
                <p id="password-error" class="error" role="alert" hidden=!is_wrong>{error}</p>
                <button class="button" type="submit">"Sign in"</button>
            </form>
            <p><a href="/">"Go to the chat"</a></p>
        </main>
    }
}

/// The rooms, and the way out.
pub fn rooms(rooms: Vec<RoomRow>) -> impl IntoView {
    let row = |RoomRow { room, name, state, viewer_count }: RoomRow| {
        view! {
            <tr>
                <td>{room.to_string()}</td>
                <th scope="row"><a href=format!("/rooms/{room}") dir="auto">{name}</a></th>
                <td>{state.name()}</td>
                <td class="number">{viewer_count}</td>
            </tr>
        }
    };
    view! {
        <main class="admin">
            <header class="admin-head">
                <h1>"Rooms"</h1>
                <a class="button" href="/admin/people">"People"</a>
                <form method="post" action="/admin/sign-out">
                    <button class="button" type="submit">"Sign out"</button>
                </form>
            </header>
            <p>"In a room, the button beside a message takes it out, or decides whether its author may go on writing."</p>
            <table>
                <thead>
                    <tr>
                        <th scope="col">"No."</th>
                        <th scope="col">"Name"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="number">"Watching"</th>
                    </tr>
                </thead>
                <tbody>{rooms.into_iter().map(row).collect_view()}</tbody>
            </table>
        </main>
    }
}
