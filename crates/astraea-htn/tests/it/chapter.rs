//! The chapter of the book shows what its example prints.

#[path = "../../examples/tutorial.rs"]
#[expect(dead_code, reason = "an example has a main function")]
mod tutorial;

/// The blocks of the chapter that are output.
fn shown(chapter: &str) -> Vec<&str> {
    let parts = chapter.split("```text\n").skip(1);
    parts.filter_map(|p| p.split_once("```").map(|(block, _)| block)).collect()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the book lies outside the package, so it cannot be included"
)]
fn the_book_shows_what_the_example_prints() {
    let mut printed = String::new();
    tutorial::tell(&mut printed).unwrap();
    let book = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/planning/decomposition.md");
    let chapter = match std::fs::read_to_string(book) {
        Ok(chapter) => chapter,
        // The package by itself has no book.
        Err(_) => return,
    };
    let sections: Vec<&str> = printed.split("## ").skip(1).collect();
    let blocks = shown(&chapter);
    assert_eq!(blocks.len(), sections.len(), "{printed}");
    for (section, block) in sections.iter().zip(blocks) {
        let (title, text) = section.split_once('\n').unwrap();
        assert_eq!(block.trim_end(), text.trim_end(), "{title}, of\n{printed}");
    }
}
