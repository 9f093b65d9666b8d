//! What holds for every node of the catalogue.

use std::collections::BTreeSet;

#[test]
fn descriptors_are_sound_and_names_are_unique() {
    let mut names = BTreeSet::new();
    for node in selfsame_nodes::all() {
        let descriptor = node.descriptor();
        assert!(descriptor.check().is_empty(), "{}: {:?}", descriptor.name, descriptor.check());
        for name in [&descriptor.id, &descriptor.name].into_iter().chain(&descriptor.aliases) {
            assert!(names.insert(name.clone()), "{name} is used twice");
        }
    }
}
