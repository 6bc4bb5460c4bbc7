use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{HtmlElement, VisualViewport};

/// What the style sheet takes for the height of the room.
const HEIGHT: &str = "--visible-height";

/// Keeps the room above a phone's keyboard, for as long as the page is there.
///
/// Where a browser heeds `interactive-widget=resizes-content`, the page is as high as what is left, and this finds nothing to do. Safari
/// lays the keyboard over the page, and only the visual viewport tells how much is left.
pub fn stay_above_keyboard() {
    let Some(viewport) = visual_viewport() else { return };
    let resized = Closure::<dyn FnMut()>::new(move || {
        if let Some(viewport) = visual_viewport() {
            fit(&viewport);
        }
    });
    for name in ["resize", "scroll"] {
        // It fails for no event that has a name.
        let _ = viewport.add_event_listener_with_callback(name, resized.as_ref().unchecked_ref());
    }
    resized.forget();
}

fn visual_viewport() -> Option<VisualViewport> {
    window().visual_viewport()
}

fn fit(viewport: &VisualViewport) {
    let Some(root) = document().document_element().and_then(|root| root.dyn_into::<HtmlElement>().ok()) else { return };
    let (top, visible, page) = (viewport.offset_top(), viewport.height(), f64::from(root.client_height()));
    let style = root.style();
    // None of these fails for a property that has a name.
    match height(top, visible, viewport.scale(), page) {
        Some(height) => {
            let _ = style.set_property(HEIGHT, &format!("{}px", height.floor() as i32));
            if top > 0.0 {
                // Safari has moved the page up to show the field, which is in view anyway now.
                window().scroll_to_with_x_and_y(0.0, 0.0);
            }
        }
        None => {
            let _ = style.remove_property(HEIGHT);
        }
    }
}

/// How high the room may be, in CSS pixels, if something lies over the page: down to the lower edge of what is `visible` from `top` on.
/// Somebody who has zoomed in sees a part of the page, and moves it.
fn height(top: f64, visible: f64, scale: f64, page: f64) -> Option<f64> {
    // Not `clamp`, which can write its bounds into a panic: 5 kB of the download are then for writing floats.
    (scale <= 1.01 && visible < page - 1.0).then_some((top + visible).max(0.0).min(page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_over_the_page_makes_the_room_lower() {
        for (top, visible, scale, page, expected) in [
            (0.0, 844.0, 1.0, 844.0, None),
            (0.0, 843.5, 1.0, 844.0, None),
            (0.0, 900.0, 1.0, 844.0, None),
            (0.0, 544.0, 1.0, 844.0, Some(544.0)),
            (120.0, 544.0, 1.0, 844.0, Some(664.0)),
            (400.0, 544.0, 1.0, 844.0, Some(844.0)),
            (100.0, 422.0, 2.0, 844.0, None),
        ] {
            assert_eq!(height(top, visible, scale, page), expected, "{top} {visible} {scale}");
        }
    }
}
