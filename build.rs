//! Generates the typed keys of the interface's texts from the English ones, so that a key that does not exist does not compile. Says to the
//! code whether it is built to be split into parts.

use std::{collections::BTreeSet, env, error::Error, fmt::Write, fs, path::Path};

use serde_json::{Map, Value};

/// The texts that every other language translates.
const ENGLISH: &str = "locales/en.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=locales");
    println!("cargo:rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    println!("cargo:rustc-check-cfg=cfg(split)");
    // What `cargo leptos --split` compiles with, so that it can tell afterwards what belongs to which part.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32") && flags.contains("--emit-relocs") {
        println!("cargo:rustc-cfg=split");
    }
    let texts: Map<String, Value> = serde_json::from_str(&fs::read_to_string(ENGLISH)?)?;
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("keys.rs"), keys(&texts)?)?;
    Ok(())
}

/// Returns a module of constants for each area, such as `page::SEND` for `page.send`.
fn keys(texts: &Map<String, Value>) -> Result<String, Box<dyn Error>> {
    let mut code = String::new();
    let areas: BTreeSet<_> = texts.keys().map(|key| split(key).0).collect();
    for area in areas {
        let within = texts.iter().filter(|(key, _)| split(key).0 == area);
        if area.is_empty() {
            for (key, text) in within {
                constant(&mut code, key, text)?;
            }
            continue;
        }
        writeln!(code, "pub mod {area} {{\n#![allow(unused_imports)]\nuse super::super::{{Counted, Template, Text}};")?;
        for (key, text) in within {
            constant(&mut code, key, text)?;
        }
        writeln!(code, "}}")?;
    }
    Ok(code)
}

/// Returns the area of a key, which is empty for what is about the language itself, and its name there.
fn split(key: &str) -> (&str, &str) {
    key.split_once('.').unwrap_or(("", key))
}

fn constant(code: &mut String, key: &str, text: &Value) -> Result<(), Box<dyn Error>> {
    let (name, (kind, value)) = (split(key).1.to_uppercase(), kind(text)?);
    let shown = text.as_str().map_or_else(|| text["other"].to_string(), str::to_owned);
    writeln!(code, "#[doc = {:?}]", format!("`{shown}`"))?;
    // The browser reads only a part of them, the server must read all.
    if env::var("CARGO_FEATURE_SSR").is_err() {
        writeln!(code, "#[allow(dead_code)]")?;
    }
    writeln!(code, "pub const {name}: {kind} = {value}({key:?});")?;
    Ok(())
}

/// Returns the type of a text's key and how it is built: a counted text has an object of plural forms, a template has places.
fn kind(text: &Value) -> Result<(String, &'static str), Box<dyn Error>> {
    match text {
        Value::Object(_) => Ok(("Counted".into(), "Counted")),
        Value::String(text) => match places(text) {
            0 => Ok(("Text".into(), "Text")),
            places => Ok((format!("Template<{places}>"), "Template")),
        },
        other => Err(format!("{ENGLISH}: a text must be a string or an object of plural forms, not {other}").into()),
    }
}

/// Counts the different `{name}` in a text.
fn places(text: &str) -> usize {
    let names = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    names.map(|(name, _)| name).collect::<BTreeSet<_>>().len()
}
