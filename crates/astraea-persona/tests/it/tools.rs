//! Tools called directly.

use astraea_llm::ToolCall;
use astraea_persona::{CallContext, Toolset, change_tool, code_tools};
use serde_json::{Value, json};

use crate::support::Place;

async fn call(tools: &Toolset, name: &str, arguments: Value) -> String {
    let call = ToolCall { id: "1".into(), name: name.into(), arguments };
    tools.call(&CallContext::default(), &call).await.text
}

#[test]
fn the_tools_on_offer() {
    let names: Vec<_> = Place::new().toolset().tools().into_iter().map(|tool| tool.name).collect();
    expect_test::expect![[r#"
        abandon_goal
        adopt_goal
        cancel_goal
        create_goal
        execute_goal
        goal_status
        list_files
        list_goals
        plan_goal
        read_file
        schedule_code_modification
        search_code"#]]
    .assert_eq(&names.join("\n"));
}

#[tokio::test]
async fn behaviour_22_a_change_waits_a_forbidden_path_is_refused_and_without_access_it_says_so() {
    let place = Place::new();
    let tools = place.toolset();
    let change =
        |path: &str| json!({"file_path": path, "new_content": "x = 1\n", "reason": "why not"});
    let said = call(&tools, "schedule_code_modification", change("x.py")).await;
    assert!(said.contains("A person decides"), "{said}");
    let [waiting] = &place.astra.changes().unwrap()[..] else { panic!("one change") };
    assert_eq!(waiting.status.as_str(), "awaiting_approval");
    let said = call(&tools, "schedule_code_modification", change(".git/config")).await;
    assert!(said.contains("access_denied:forbidden_path"), "{said}");
    assert_eq!(place.astra.changes().unwrap().len(), 1);

    let without = Toolset::new().with(change_tool(None)).with_all(code_tools(None));
    for (name, arguments) in [
        ("schedule_code_modification", change("x.py")),
        ("read_file", json!({"path": "x.py"})),
        ("list_files", json!({})),
        ("search_code", json!({"text": "x"})),
    ] {
        let said = call(&without, name, arguments).await;
        assert!(said.starts_with("not available"), "{name}: {said}");
    }
}

#[tokio::test]
async fn the_repository_is_read_through_its_one_door() {
    let place = Place::new();
    let tools = place.toolset();
    let said = call(&tools, "list_files", json!({})).await;
    assert_eq!(said, "README.md\narea.py\ntest_area.py\n");
    let said = call(&tools, "read_file", json!({"path": "area.py", "first_line": 2})).await;
    assert_eq!(said, "    return width + height\n");
    let said = call(&tools, "search_code", json!({"text": "width +"})).await;
    assert_eq!(said, "area.py:2: return width + height\n");
    for path in ["../secret", "/etc/passwd", ".git/config", ".env", "nothing.py"] {
        let said = call(&tools, "read_file", json!({ "path": path })).await;
        assert!(said.starts_with("refused: "), "{path}: {said}");
    }
}

#[tokio::test]
async fn goals_are_kept_on_a_list() {
    let place = Place::new();
    let tools = place.toolset();
    let said = call(&tools, "create_goal", json!({"text": "tidy up", "value": 0.8})).await;
    let id = said.split(' ').next().unwrap().to_owned();
    assert!(call(&tools, "list_goals", json!({})).await.contains("[proposed] tidy up"));
    assert!(call(&tools, "adopt_goal", json!({ "goal_id": id })).await.contains("[adopted]"));
    assert!(call(&tools, "abandon_goal", json!({ "goal_id": id })).await.contains("[abandoned]"));
    let said = call(&tools, "adopt_goal", json!({ "goal_id": id })).await;
    assert!(said.starts_with("not carried out"), "{said}");
    let said = call(&tools, "create_goal", json!({"text": "x", "value": 7})).await;
    assert!(said.contains("/value"), "{said}");
}

#[tokio::test]
async fn runs_are_planned_looked_at_and_stopped() {
    let place = Place::new();
    let tools = place.toolset();
    assert_eq!(call(&tools, "goal_status", json!({})).await, "no run yet");
    let said = call(&tools, "plan_goal", json!({"goal_text": "fix_bug: area"})).await;
    assert!(said.contains("PLAN:"), "{said}");
    assert!(call(&tools, "cancel_goal", json!({"run": "run-x"})).await.contains("no run `run-x`"));
    let said = call(&tools, "goal_status", json!({"run": "run-x"})).await;
    assert!(said.contains("no run"), "{said}");
    let said = call(&tools, "execute_goal", json!({"goal_text": "fly to the moon"})).await;
    assert!(said.starts_with("not carried out") || said.contains("FAILED"), "{said}");
}
