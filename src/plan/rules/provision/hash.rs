//! Every remainder has its partition.

use super::{Blocker, Cause, Context, Draft};
use crate::desired::DesiredHash;
use crate::observed::ObservedTable;
use crate::partition::{Bounds, hash_name};
use crate::plan::limits::MAX_REMAINDERS;

pub(super) fn provision(context: &Context<'_>, hash: &DesiredHash, draft: &mut Draft) {
    let found = hashes(&draft.state);
    let missing = missing(hash, &draft.state);
    let whole = missing.as_ref().map_or(found.len(), |missing| found.len() + missing.len());
    let missing = missing.filter(|_| whole == hash.partitions as usize);
    let Some(missing) = missing else {
        let found = u32::try_from(whole).unwrap_or(u32::MAX);
        let (table, wanted) = (draft.state.name.clone(), hash.partitions);
        draft.defer(None, Blocker::HashPartitionsMismatch { table, found, wanted });
        return;
    };
    for bounds in missing {
        let Bounds::Hash { remainder, .. } = bounds else { continue };
        let name = hash_name(&draft.state.managed, remainder);
        let cause = Cause::MissingRemainder;
        if let Some(blocker) = draft.unattached_table(&bounds, &name) {
            let partition = draft.state.managed.sibling(name);
            draft.defer(Some(draft.attach(context, partition, bounds, None)), blocker);
            continue;
        }
        let partition = draft.create_partition(context, bounds.clone(), &name, |_| false, cause);
        let attach = draft.attach(context, partition, bounds, None);
        draft.step(attach, cause);
    }
}

/// The bounds that complete the table: each missing remainder with the smallest modulus of its
/// siblings that fits. `None` if there are too many to count, or if no server has such moduli.
///
/// Every modulus is a factor of the next larger one, so all are factors of the largest.
/// <https://www.postgresql.org/docs/current/sql-createtable.html>
fn missing(hash: &DesiredHash, state: &ObservedTable) -> Option<Vec<Bounds>> {
    let found = hashes(state);
    let mut moduli: Vec<u32> = found.iter().map(|(modulus, _)| *modulus).collect();
    moduli.sort_unstable();
    moduli.dedup();
    if moduli.is_empty() {
        moduli.push(hash.partitions);
    }
    let largest = *moduli.last()?;
    let is_chain = moduli.windows(2).all(|pair| match pair {
        [smaller, larger] => larger.checked_rem(*smaller) == Some(0),
        _ => true,
    });
    if largest > MAX_REMAINDERS || moduli.contains(&0) || !is_chain {
        return None;
    }
    let mut covered = vec![false; largest as usize];
    let mut cover = |modulus: u32, remainder: u32| {
        for covered in covered.iter_mut().skip(remainder as usize).step_by(modulus as usize) {
            *covered = true;
        }
    };
    for (modulus, remainder) in &found {
        cover(*modulus, *remainder);
    }
    let mut missing = Vec::new();
    for remainder in 0..largest {
        if covered.get(remainder as usize) == Some(&true) {
            continue;
        }
        let is_free = |modulus: u32| {
            covered
                .iter()
                .skip((remainder % modulus) as usize)
                .step_by(modulus as usize)
                .all(|c| !c)
        };
        let modulus = moduli.iter().copied().find(|modulus| is_free(*modulus)).unwrap_or(largest);
        let remainder = remainder % modulus;
        for covered in covered.iter_mut().skip(remainder as usize).step_by(modulus as usize) {
            *covered = true;
        }
        missing.push(Bounds::Hash { modulus, remainder });
    }
    Some(missing)
}

/// Modulus and remainder of each partition.
fn hashes(state: &ObservedTable) -> Vec<(u32, u32)> {
    state
        .partitions
        .iter()
        .filter(|p| p.state.is_partition())
        .filter_map(|p| match p.bounds {
            Bounds::Hash { modulus, remainder } => Some((modulus, remainder)),
            Bounds::Range(_) | Bounds::Default | Bounds::Other(_) => None,
        })
        .collect()
}
