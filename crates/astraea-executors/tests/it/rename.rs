//! rename: rope, TypeScript's language service and the syntax of Rust, over real projects.
#![expect(clippy::disallowed_methods, reason = "the tests play the user, who installs a tool")]

use std::process::Command;

use astraea_executors::WorkspaceOptions;
use astraea_executors::testing::{TestRepo, has, typescript};
use serde_json::json;

use crate::support::Run;

const CART: &str = "\
class Cart:
    def __init__(self, items):
        self.items = items

    def total(self):
        \"\"\"The total of all items.\"\"\"
        return total(self.items)


def total(items):
    total = 0
    for price in items:
        total += price
    return total
";

#[tokio::test(flavor = "multi_thread")]
async fn rope_tells_a_method_from_a_function_and_a_variable_of_its_name() {
    let repo = TestRepo::new(&[
        ("shop/__init__.py", ""),
        ("shop/cart.py", CART),
        (
            "shop/bill.py",
            "from shop.cart import Cart, total\n\n\ndef bill(items):\n    cart = Cart(items)\n    return cart.total(), total(items)\n",
        ),
        (
            "test_bill.py",
            "from shop.bill import bill\n\n\ndef test_bill():\n    assert bill([1, 2]) == (3, 3)\n",
        ),
    ]);
    if !repo.with_venv() {
        return;
    }
    let mut run = Run::over(repo, WorkspaceOptions::default());
    run.good("observe", json!({})).await;
    let twice = run.bad("rename", json!({ "from": "nothing_here", "to": "x" })).await;
    assert!(twice.contains("nothing is defined by the name nothing_here"), "{twice}");
    let args = json!({ "from": "Cart.total", "to": "grand_total" });
    let done = run.good("rename", args.clone()).await;
    assert_eq!(done.value["renamed"]["definition"], "shop/cart.py:5");
    assert_eq!(done.artifacts, ["shop/bill.py", "shop/cart.py"]);
    // what is left is the function, the variable and prose
    assert_eq!(done.value["left"]["shop/bill.py"], json!([1, 6]));
    run.good("run_tests", json!({ "require": "hold" })).await;
    let branch = run.good("commit", json!({})).await;
    let branch = branch.value["branch"].as_str().unwrap().to_owned();
    let text = |path: &str| run.repo.git(&["show", &format!("{branch}:{path}")]);
    assert!(text("shop/bill.py").contains("return cart.grand_total(), total(items)"));
    let cart = text("shop/cart.py");
    assert!(
        cart.contains("def grand_total(self):") && cart.contains("def total(items):"),
        "{cart}"
    );
    let again = run.bad("rename", args).await;
    assert_eq!(
        again,
        "NoPatch: Cart.total was not renamed: python: nothing is defined by the name Cart.total"
    );
    let taken = run.bad("rename", json!({ "from": "Cart.grand_total", "to": "items" })).await;
    assert!(taken.contains("items is defined beside it in shop/cart.py already"), "{taken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rope_it_says_how_to_get_it() {
    let rope = Command::new("python3").args(["-c", "import rope"]).output();
    if !has("python3") || rope.is_ok_and(|out| out.status.success()) {
        return;
    }
    let mut run = Run::new(&[("a.py", "def f():\n    return 1\n")]);
    let said = run.bad("rename", json!({ "from": "f", "to": "g" })).await;
    assert!(said.starts_with("Environment: f was not renamed: "), "{said}");
    assert!(said.contains("`pip install rope`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript_follows_a_name_through_modules() {
    let Some(modules) = typescript() else { return };
    let repo = TestRepo::new(&[
        ("package.json", "{\"type\":\"module\",\"scripts\":{\"test\":\"node --test\"}}\n"),
        (".gitignore", "node_modules\n"),
        (
            "cart.js",
            "export function total(items) {\n  let total = 0;\n  for (const item of items) total += item;\n  return total;\n}\n",
        ),
        (
            "bill.js",
            "import { total as sum } from './cart.js';\nimport * as cart from './cart.js';\nexport const bill = (items) => sum(items) + cart.total(items);\n",
        ),
        (
            "bill.test.js",
            "import test from 'node:test';\nimport assert from 'node:assert';\nimport { bill } from './bill.js';\ntest('bill', () => assert.equal(bill([1, 2]), 6));\n",
        ),
    ]);
    let copied = Command::new("cp").arg("-a").arg(modules).arg(repo.root()).status().unwrap();
    assert!(copied.success());
    let mut run = Run::over(repo, WorkspaceOptions::default());
    run.good("observe", json!({})).await;
    run.good("rename", json!({ "from": "total", "to": "addUp", "file": "cart.js" })).await;
    run.good("run_tests", json!({ "require": "hold" })).await;
    let branch = run.good("commit", json!({})).await;
    let branch = branch.value["branch"].as_str().unwrap().to_owned();
    let text = |path: &str| run.repo.git(&["show", &format!("{branch}:{path}")]);
    assert!(text("cart.js").starts_with("export function addUp(items) {\n  let total = 0;"));
    assert!(
        text("bill.js").contains("import { addUp as sum }")
            && text("bill.js").contains("cart.addUp(items)")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_is_renamed_where_the_name_is_the_only_one() {
    let mut run = Run::new(&[
        ("Cargo.toml", "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        (
            "src/lib.rs",
            "//! The `grand` total.\npub fn grand(items: &[u32]) -> u32 { items.iter().sum() }\npub fn twice(x: u32) -> u32 { let x2 = x; x + x2 }\n",
        ),
        ("tests/it.rs", "#[test]\nfn adds() { assert_eq!(shop::grand(&[1, 2]), 3); }\n"),
    ]);
    let done = run.good("rename", json!({ "from": "shop::grand", "to": "total" })).await;
    assert_eq!(done.artifacts, ["src/lib.rs", "tests/it.rs"]);
    assert_eq!(done.value["left"], json!({ "src/lib.rs": [1] }));
    let shadowed = run.bad("rename", json!({ "from": "x", "to": "y" })).await;
    assert!(shadowed.contains("only rust-analyzer could tell them apart"), "{shadowed}");
}
