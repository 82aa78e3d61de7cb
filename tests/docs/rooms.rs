//! The rooms of `src/`: each uses only those below it, and no files use each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module, as the names that lead to it.
type Module = Vec<String>;

/// A use of one module by another, with where it stands.
struct Use {
    from: Module,
    to: Module,
    place: String,
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The rooms in the order of `lib.rs`, from the top down.
fn rooms() -> Vec<String> {
    let lib = fs::read_to_string(sources().join("lib.rs")).unwrap();
    let names = lib.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix("//! - [`")?.split_once('`')?;
        Some(name.to_owned())
    });
    names.collect()
}

/// The files below a folder with the modules that they are, tests left out.
fn modules(folder: &Path, prefix: &[String], found: &mut BTreeMap<Module, PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "tests" {
            continue;
        }
        let below = || [prefix, std::slice::from_ref(&name)].concat();
        if path.is_dir() {
            modules(&path, &below(), found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let module = match &*name {
                "mod" => prefix.to_vec(),
                "lib" | "main" => continue,
                _ => below(),
            };
            found.insert(module, path);
        }
    }
}

/// The code of a file, line by line, without comments and without what stands in tests.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().enumerate();
    let code = lines.take_while(|(_, line)| line.trim_start() != "mod tests {");
    code.filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line.to_owned()))
        .collect()
}

/// Every path of this crate that the code names, in full, with the line where it begins.
fn paths(module: &Module, code: &[(usize, String)]) -> Vec<(usize, Module)> {
    let mut text = String::new();
    let mut starts = Vec::new();
    for (number, line) in code {
        starts.push((text.len(), *number));
        text += line;
        text.push(' ');
    }
    let line_of = |at: usize| {
        starts
            .iter()
            .rev()
            .find(|(start, _)| *start <= at)
            .unwrap()
            .1
    };
    let mut found = Vec::new();
    for root in ["crate::", "super::"] {
        for (at, _) in text.match_indices(root) {
            let is_visibility = text[..at].ends_with("pub(in ");
            let is_whole = !is_visibility
                && !text[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
            if is_whole {
                for path in expanded(&text[at..]) {
                    found.push((line_of(at), path));
                }
            }
        }
    }
    let resolved = found.into_iter().map(|(line, path)| {
        let mut at = module.clone();
        let mut names = path.into_iter().peekable();
        while let Some(name) = names.next_if(|name| name == "crate" || name == "super") {
            if name == "crate" {
                at.clear();
            } else {
                at.pop();
            }
        }
        at.extend(names);
        (line, at)
    });
    resolved.collect()
}

/// The paths that the text begins with: one, or several where it ends in braces.
fn expanded(text: &str) -> Vec<Module> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        if let Some(inside) = rest.strip_prefix('{') {
            let inside = &inside[..inside.find('}').unwrap_or(inside.len())];
            let each = inside
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty());
            return each
                .map(|path| {
                    let path = path.split(" as ").next().unwrap();
                    let more = path.split("::").map(|name| name.trim().to_owned());
                    names.iter().cloned().chain(more).collect()
                })
                .collect();
        }
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        names.push(rest[..end].to_owned());
        match rest[end..].strip_prefix("::") {
            Some(more) => rest = more,
            None => return vec![names],
        }
    }
}

/// Every use of a module of this crate by another.
fn uses() -> Vec<Use> {
    let mut all = BTreeMap::new();
    modules(&sources(), &[], &mut all);
    let mut uses = Vec::new();
    for (module, path) in &all {
        let file = path.strip_prefix(sources()).unwrap().display();
        let code = code(path);
        for (line, mut to) in paths(module, &code) {
            while !to.is_empty() && !all.contains_key(&to) {
                to.pop();
            }
            if !to.is_empty() && to != *module {
                uses.push(Use {
                    from: module.clone(),
                    to,
                    place: format!("src/{file}:{line}"),
                });
            }
        }
        // What a file uses of the modules inside it, by their names alone.
        let inside = all
            .keys()
            .filter(|it| it.split_last().is_some_and(|(_, up)| up == *module));
        for to in inside {
            let name = format!("{}::", to.last().unwrap());
            for (line, text) in &code {
                let is_start = |at: usize| {
                    !text[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c))
                };
                if text.match_indices(&name).any(|(at, _)| is_start(at)) {
                    uses.push(Use {
                        from: module.clone(),
                        to: to.clone(),
                        place: format!("src/{file}:{line}"),
                    });
                }
            }
        }
    }
    uses
}

#[test]
fn every_room_is_in_the_list() {
    let mut all = BTreeMap::new();
    modules(&sources(), &[], &mut all);
    let found: BTreeSet<_> = all.keys().map(|module| module[0].clone()).collect();
    let listed: BTreeSet<_> = rooms().into_iter().collect();
    assert_eq!(found, listed, "the list at the head of src/lib.rs");
}

#[test]
fn rooms_use_only_rooms_below_them() {
    let rooms = rooms();
    let height = |module: &Module| rooms.iter().position(|room| *room == module[0]).unwrap();
    let upwards: Vec<_> = uses()
        .into_iter()
        .filter(|it| height(&it.to) < height(&it.from))
        .map(|it| format!("{}: {} uses {}", it.place, it.from[0], it.to.join("::")))
        .collect();
    assert!(
        upwards.is_empty(),
        "these point upwards:\n{}",
        upwards.join("\n")
    );
}

/// Everything that a module uses, and what that uses, and so on.
fn reached<'a>(from: &Module, uses: &'a [Use]) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        for Use { to, .. } in uses.iter().filter(|it| it.from == *module) {
            if reached.insert(to) {
                next.push(to);
            }
        }
    }
    reached
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let uses = uses();
    let is_in_circle = |it: &&Use| reached(&it.to, &uses).contains(&it.from);
    let circle: BTreeSet<_> = uses
        .iter()
        .filter(is_in_circle)
        .map(|it| {
            format!(
                "{}: {} uses {}",
                it.place,
                it.from.join("::"),
                it.to.join("::")
            )
        })
        .collect();
    let circle: Vec<_> = circle.into_iter().collect();
    assert!(circle.is_empty(), "in a circle:\n{}", circle.join("\n"));
}
