//! Links between the documents lead somewhere.

use super::house::{Document, House};
use super::{Check, Finding};
use std::collections::BTreeMap;

pub(super) const CHECK: Check = Check {
    name: "links",
    rule: "each relative link of a Markdown file leads to a file, and its #anchor to a heading there",
    run,
};

fn run(house: &House) -> Vec<Finding> {
    let documents = house.documents.iter().filter(|document| document.path.ends_with(".md"));
    documents.flat_map(|document| broken(house, document)).collect()
}

fn broken(house: &House, document: &Document) -> Vec<Finding> {
    let mut found = Vec::new();
    for (number, line) in prose(document) {
        for target in targets(&line).filter(|target| is_relative(target)) {
            if let Some(why) = problem(house, document, target) {
                let text = format!("the link `{target}` {why}; mend it or take it out");
                found.push(Finding::new(&document.path, number, text));
            }
        }
    }
    found
}

/// The lines outside code blocks, code spans taken out.
fn prose(document: &Document) -> Vec<(usize, String)> {
    let mut in_block = false;
    let mut kept = Vec::new();
    for (number, line) in document.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            kept.push((number, line.split('`').step_by(2).collect::<Vec<_>>().join("`")));
        }
    }
    kept
}

/// What the `[text](target)` and `[text]: target` of a line point to.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let reference = line.strip_prefix('[').and_then(|rest| Some(rest.split_once("]: ")?.1.trim()));
    inline.chain(reference)
}

fn is_relative(target: &str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:")
}

fn problem(house: &House, document: &Document, target: &str) -> Option<&'static str> {
    let (file, anchor) =
        target.split_once('#').map_or((target, None), |(file, at)| (file, Some(at)));
    let path =
        if file.is_empty() { document.path.clone() } else { resolved(&document.path, file)? };
    let is_folder = || house.files.iter().any(|other| other.starts_with(&format!("{path}/")));
    if !house.files.contains(&path) && house.document(&path).is_none() && !is_folder() {
        return Some("leads to no file");
    }
    let anchor = anchor.filter(|_| path.ends_with(".md"))?;
    let there = house.document(&path)?;
    (!anchors(there).contains(&anchor.to_owned())).then_some("leads to no heading of that file")
}

/// `link` as seen from the top, when it stands in the file `from`; `None` if it leaves the workspace.
fn resolved(from: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The anchors of the headings, as the sites that show Markdown make them.
fn anchors(document: &Document) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut in_block = false;
    let mut found = Vec::new();
    for (_, line) in document.lines() {
        in_block ^= line.trim_start().starts_with("```");
        let Some(heading) = line.strip_prefix('#').filter(|_| !in_block) else { continue };
        let slug = slug(heading.trim_start_matches('#').trim());
        let count = seen.entry(slug.clone()).or_default();
        found.push(if *count == 0 { slug } else { format!("{slug}-{count}") });
        *count += 1;
    }
    found
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::{run, slug};
    use crate::tidy::house::tests::house;

    fn count(link: &str) -> usize {
        let text = format!("# Top\n\nSee [it]({link}).\n");
        let files = [
            ("docs/a.md", text.as_str()),
            ("docs/b.md", "# Why `x` waits\n"),
            ("README.md", "# Read\n"),
        ];
        run(&house(&files)).len()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        for link in
            ["b.md", "b.md#why-x-waits", "#top", "../README.md", "../docs/", "https://a.b/c.md"]
        {
            assert_eq!(count(link), 0, "{link}");
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        for link in ["c.md", "b.md#other", "#other", "../docs/b.txt"] {
            assert_eq!(count(link), 1, "{link}");
        }
    }

    #[test]
    fn code_is_no_link() {
        assert!(
            run(&house(&[("a.md", "`[x](nowhere.md)`\n```\n[y](nowhere.md)\n```\n")])).is_empty()
        );
    }

    #[test]
    fn reference_links_are_links() {
        assert_eq!(run(&house(&[("a.md", "[x]: nowhere.md\n")])).len(), 1);
    }

    #[test]
    fn slugs_keep_letters_digits_and_dashes() {
        assert_eq!(slug("How `park` works: a tour"), "how-park-works-a-tour");
    }
}
