//! Namespaces as arguments. To the API server an empty namespace means all of them, so that a name is
//! checked before it narrows what the operator watches.

/// Longest label of DNS, and so longest name of a namespace, in bytes.
const MAX_LABEL: usize = 63;

/// Reads the name of one namespace; blanks around it do not count.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() {
        return Err(
            "the name of a namespace is empty: remove the superfluous comma, or leave the \
                    option out to have the default"
                .to_owned(),
        );
    }
    let is_inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [name.as_bytes().first(), name.as_bytes().last()];
    let is_label = name.len() <= MAX_LABEL
        && name.bytes().all(|byte| is_inner(&byte) || byte == b'-')
        && ends.into_iter().flatten().all(is_inner);
    is_label.then(|| name.to_owned()).ok_or_else(|| {
        "not the name of a namespace: use up to 63 lower-case letters, digits, and inner hyphens"
            .to_owned()
    })
}

/// Removes repetitions: a namespace that is watched twice has each table reconciled twice.
pub(super) fn distinct(mut namespaces: Vec<String>) -> Vec<String> {
    namespaces.sort();
    namespaces.dedup();
    namespaces
}
