use proptest::prelude::*;

use super::hash::{empty_root, leaf_hash, node_hash};
use super::nodes::{Levels, Nodes as _, consistency_proof, inclusion_proof};
use super::proof::{is_extension, is_included};
use super::*;

/// The leaves of the test trees of the reference implementation of RFC 6962 (certificate-transparency), and the
/// root over the first of them, the first two, and so on.
const REFERENCE: [(&str, &str); 8] = [
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
];

fn bytes(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn reference_leaves() -> Vec<TreeHash> {
    REFERENCE.iter().map(|(leaf, _)| leaf_hash(&bytes(leaf))).collect()
}

fn leaves(count: u64) -> Vec<TreeHash> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

fn levels(leaves: &[TreeHash]) -> Levels {
    let mut levels = Levels::default();
    leaves.iter().for_each(|leaf| levels.push(*leaf));
    levels
}

fn compact(leaves: &[TreeHash]) -> CompactRange {
    let mut range = CompactRange::new();
    leaves.iter().for_each(|leaf| range.append(*leaf));
    range
}

/// `MTH(D[n])`, word for word (RFC 9162, section 2.1.1).
fn naive_root(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(naive_split(leaves.len()));
            node_hash(naive_root(left), naive_root(right))
        }
    }
}

/// `PATH(m, D[n])`, word for word (RFC 9162, section 2.1.3.1).
fn naive_path(index: usize, leaves: &[TreeHash]) -> Vec<TreeHash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(naive_split(leaves.len()));
    let (mut path, beside) = if index < left.len() {
        (naive_path(index, left), naive_root(right))
    } else {
        (naive_path(index - left.len(), right), naive_root(left))
    };
    path.push(beside);
    path
}

/// `SUBPROOF(m, D[n], b)`, word for word (RFC 9162, section 2.1.4.1).
fn naive_subproof(old: usize, leaves: &[TreeHash], is_known: bool) -> Vec<TreeHash> {
    if old == leaves.len() {
        return if is_known { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let (left, right) = leaves.split_at(naive_split(leaves.len()));
    let (mut proof, beside) = if old <= left.len() {
        (naive_subproof(old, left, is_known), naive_root(right))
    } else {
        (naive_subproof(old - left.len(), right, false), naive_root(left))
    };
    proof.push(beside);
    proof
}

fn naive_split(size: usize) -> usize {
    (0..).map(|power| 1 << power).take_while(|power| *power < size).last().unwrap()
}

#[test]
fn roots_are_those_of_the_reference_implementation() {
    assert_eq!(empty_root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(CompactRange::new().root(), empty_root());
    let leaves = reference_leaves();
    for (size, (_, root)) in (1..).zip(REFERENCE) {
        assert_eq!(compact(&leaves[..size]).root().to_string(), root, "{size} leaves");
    }
}

/// The example of RFC 9162, section 2.1.5, by the names that it gives to the nodes.
#[test]
fn proofs_are_those_of_the_rfcs_example() {
    let d = leaves(7);
    let [a, b, c, dd, e, f, j] = d[..] else { unreachable!("seven leaves") };
    let (g, h, i) = (node_hash(a, b), node_hash(c, dd), node_hash(e, f));
    let (k, l) = (node_hash(g, h), node_hash(i, j));
    let tree = levels(&d);
    let path = |index| inclusion_proof(&tree, index).unwrap();
    assert_eq!((path(0), path(3)), (vec![b, h, l], vec![c, g, l]));
    assert_eq!((path(4), path(6)), (vec![f, j, k], vec![i, k]));
    let proof = |old| consistency_proof(&tree, old).unwrap();
    assert_eq!((proof(3), proof(4), proof(6)), (vec![c, dd, g, l], vec![l], vec![i, j, k]));
    assert_eq!(compact(&d).root(), node_hash(k, l));
}

#[test]
fn every_leaf_of_every_small_tree_is_proven_as_the_rfc_says() {
    for size in 1..=40 {
        let leaves = leaves(size);
        let (tree, root) = (levels(&leaves), naive_root(&leaves));
        assert_eq!(compact(&leaves).root(), root);
        for index in 0..size {
            let path = inclusion_proof(&tree, index).unwrap();
            assert_eq!(path, naive_path(index as usize, &leaves));
            assert!(is_included(leaves[index as usize], index, size, root, &path));
        }
        assert_eq!(inclusion_proof(&tree, size), None);
        for old in 1..=size {
            let path = consistency_proof(&tree, old).unwrap();
            assert_eq!(path, naive_subproof(old as usize, &leaves, true));
            assert!(is_extension((old, naive_root(&leaves[..old as usize])), (size, root), &path));
        }
        assert_eq!((consistency_proof(&tree, 0), consistency_proof(&tree, size + 1)), (None, None));
    }
}

#[test]
fn an_altered_proof_proves_nothing() {
    for size in 2..=20 {
        let leaves = leaves(size);
        let (tree, root) = (levels(&leaves), naive_root(&leaves));
        for index in 0..size {
            let (leaf, path) = (leaves[index as usize], inclusion_proof(&tree, index).unwrap());
            for other in (0..size).filter(|other| *other != index) {
                assert!(!is_included(leaf, other, size, root, &path));
                assert!(!is_included(leaves[other as usize], index, size, root, &path));
            }
            for altered in alterations(&path) {
                assert!(!is_included(leaf, index, size, root, &altered));
            }
        }
        for old in 1..size {
            let (old_root, path) =
                (naive_root(&leaves[..old as usize]), consistency_proof(&tree, old).unwrap());
            for altered in alterations(&path) {
                assert!(!is_extension((old, old_root), (size, root), &altered));
            }
            assert!(!is_extension((old, leaf_hash(b"other")), (size, root), &path));
            assert!(!is_extension((old, old_root), (size, leaf_hash(b"other")), &path));
        }
        assert!(!is_extension((size, root), (size, leaf_hash(b"other")), &[]));
        assert!(!is_extension((size + 1, root), (size, root), &[]));
    }
}

/// Each hash changed, left out or repeated; two neighbours swapped.
fn alterations(path: &[TreeHash]) -> Vec<Vec<TreeHash>> {
    let mut all = Vec::new();
    for at in 0..path.len() {
        let mut changed = path.to_vec();
        changed[at].0[7] ^= 1;
        let mut shorter = path.to_vec();
        shorter.remove(at);
        let mut longer = path.to_vec();
        longer.insert(at, path[at]);
        all.extend([changed, shorter, longer]);
        if at > 0 {
            let mut swapped = path.to_vec();
            swapped.swap(at - 1, at);
            all.push(swapped);
        }
    }
    all
}

#[test]
fn a_tree_goes_on_from_its_peaks() {
    let leaves = leaves(100);
    for size in 0..100 {
        let range = compact(&leaves[..size]);
        let mut resumed = CompactRange::from_peaks(size as u64, range.peaks().to_vec()).unwrap();
        assert_eq!(resumed, range);
        leaves[size..].iter().for_each(|leaf| resumed.append(*leaf));
        assert_eq!(resumed, compact(&leaves));
        assert_eq!(CompactRange::from_peaks(size as u64 ^ 1, range.peaks().to_vec()), None);
    }
}

#[test]
fn the_first_peak_that_differs_says_where() {
    // 21 = 16 + 4 + 1.
    let written = compact(&leaves(21));
    for (changed, place) in [(0, (1, 16)), (15, (1, 16)), (16, (17, 20)), (19, (17, 20)), (20, (21, 21))] {
        let mut other = leaves(21);
        other[changed] = leaf_hash(b"other");
        assert_eq!(written.first_difference(&compact(&other)), Some(place), "leaf {changed}");
    }
    assert_eq!(written.first_difference(&written), None);
}

#[test]
fn a_node_is_never_a_leaf() {
    let [left, right] = leaves(2)[..] else { unreachable!("two leaves") };
    let mut content = left.0.to_vec();
    content.extend(right.0);
    assert_ne!(node_hash(left, right), leaf_hash(&content));
    assert_ne!(leaf_hash(b""), empty_root());
}

#[test]
fn blocks_prove_what_all_nodes_prove() {
    let block = blocks::BLOCK_LEAVES;
    for size in [1, block - 1, block, block + 1, 2 * block, 5 * block + 77] {
        let leaves = leaves(size);
        let (all, root) = (levels(&leaves), compact(&leaves).root());
        let mut blocks = Blocks::default();
        leaves.iter().for_each(|leaf| blocks.append(*leaf));
        assert_eq!(blocks.len(), size);
        for (number, of_block) in (0..).zip(leaves.chunks(block as usize)) {
            assert!(blocks.load(number, of_block.iter().copied()));
            let first = number * block;
            for index in [first, first + of_block.len() as u64 / 3, first + of_block.len() as u64 - 1] {
                let path = inclusion_proof(&blocks, index).unwrap();
                assert_eq!(Some(&path), inclusion_proof(&all, index).as_ref());
                assert!(is_included(leaves[index as usize], index, size, root, &path));
                assert_eq!(consistency_proof(&blocks, index + 1), consistency_proof(&all, index + 1));
            }
        }
    }
}

#[test]
fn a_block_that_was_changed_is_not_loaded() {
    let block = blocks::BLOCK_LEAVES as usize;
    let leaves = leaves(2 * block as u64 + 3);
    let mut blocks = Blocks::default();
    leaves.iter().for_each(|leaf| blocks.append(*leaf));
    // Block 1 is not loaded, and so nothing in it can be proven.
    assert!(blocks.load(0, leaves[..block].iter().copied()));
    assert_eq!(inclusion_proof(&blocks, block as u64), None);
    let mut changed = leaves[block..2 * block].to_vec();
    changed[5] = leaf_hash(b"other");
    assert!(!blocks.load(1, changed));
    assert!(!blocks.load(1, leaves[..block].iter().copied()));
    assert!(!blocks.load(1, leaves[block..].iter().copied()));
    assert!(!blocks.load(2, leaves[2 * block..2 * block + 2].iter().copied()));
    assert!(!blocks.load(3, []));
    assert!(blocks.load(2, leaves[2 * block..].iter().copied()));
}

proptest! {
    #[test]
    fn any_tree_is_the_naive_one(size in 1_u64..3_000, at in any::<prop::sample::Index>()) {
        let leaves = leaves(size);
        let index = at.index(size as usize);
        let (tree, root) = (levels(&leaves), naive_root(&leaves));
        prop_assert_eq!(compact(&leaves).root(), root);
        prop_assert_eq!(tree.size(), size);
        let path = inclusion_proof(&tree, index as u64).unwrap();
        prop_assert_eq!(&path, &naive_path(index, &leaves));
        prop_assert!(is_included(leaves[index], index as u64, size, root, &path));
        let old = index as u64 + 1;
        let path = consistency_proof(&tree, old).unwrap();
        prop_assert_eq!(&path, &naive_subproof(index + 1, &leaves, true));
        prop_assert!(is_extension((old, naive_root(&leaves[..=index])), (size, root), &path));
    }

    /// Proofs that nobody made: never a panic, and never a proof.
    #[test]
    fn nonsense_proves_nothing(
        index in any::<u64>(), size in any::<u64>(), old in any::<u64>(),
        path in prop::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let path: Vec<_> = path.into_iter().map(crate::hex::Hex).collect();
        let (leaf, root) = (leaf_hash(b"leaf"), leaf_hash(b"root"));
        prop_assert!(!is_included(leaf, index, size, root, &path));
        prop_assert!(!is_extension((old, leaf), (size, root), &path));
    }
}
