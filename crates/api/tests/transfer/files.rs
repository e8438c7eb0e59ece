//! What a file may hold, and how what is wrong with it is explained.

use serde_json::{Value, json};

use super::{Plant, TENANT, history};

#[tokio::test]
async fn the_sample_plant_comes_in_once() {
    let plant = Plant::empty().await;
    let first = plant.import_sample(&[]);
    assert_eq!((first.code, first.totals()), (Some(0), [25 + 8 + 6 + 6, 0, 0]), "{}", first.stderr);
    let head = plant.head().await;

    let flour = plant.lot("EV-26-101").await;
    assert_eq!(flour["remaining"], json!({"value": "540", "unit": "KGM"}));
    assert!(flour["supplier_id"].is_string() && flour["expiry_date"] == "2026-10-02", "{flour}");
    let sesame = plant.lot("LS-5521").await;
    let trace =
        plant.get(&format!("/v1/batches/{}/trace?direction=forward", sesame["id"].as_str().unwrap())).await;
    let mut reached: Vec<_> = trace["batches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lot| lot["batch_number"].as_str().unwrap())
        .collect();
    reached.sort_unstable();
    assert_eq!(reached, ["SS-0413", "SS-0414"]);
    let places: Vec<_> = trace["locations"].as_array().unwrap().iter().map(|place| &place["name"]).collect();
    assert_eq!(places.len(), 3, "{places:?}");

    let second = plant.import_sample(&[]);
    assert_eq!((second.code, second.totals()), (Some(0), [0, 45, 0]), "{}", second.stderr);
    assert_eq!(plant.head().await, head, "a second run adds nothing");
    let results = plant.results("sample.results.ndjson");
    assert_eq!(results.len(), 45);
    let baked =
        results.iter().find(|line| line["line"] == 9 && line["command"] == "transformations").unwrap();
    assert_eq!((&baked["last_line"], &baked["status"]), (&json!(11), &json!("repeated")));
    assert_eq!(baked["batch_ids"][0], plant.lot("SS-0413").await["id"]);
}

#[tokio::test]
async fn a_dry_run_decides_the_same_and_records_nothing() {
    let plant = Plant::empty().await;
    let head = plant.head().await;
    let ended = plant.import_sample(&["--dry-run"]);
    assert_eq!((ended.code, ended.totals()), (Some(0), [45, 0, 0]), "{}", ended.stderr);
    let results = plant.results("sample.results.ndjson");
    assert!(results.iter().all(|line| line["status"] == "accepted" && line.get("position").is_none()));
    let twice = plant
        .write("twice.ndjson", &history(1).replace("receipt-0", "a").repeat(2).replacen("\"a\"", "\"b\"", 1));
    let ended = plant.import(&twice, &["--dry-run", "--results", "twice.results.ndjson"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(plant.results("twice.results.ndjson").last().unwrap()["code"], "already-exists");
    assert_eq!(plant.head().await, head);
}

#[tokio::test]
async fn good_rows_are_kept_and_bad_ones_explained_by_line_and_column() {
    let plant = Plant::sample().await;
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/with-errors.csv"))
            .unwrap();
    let file = plant.write("deliveries.csv", &text);
    let ended = plant.import(&file, &[]);
    assert_eq!((ended.code, ended.totals()), (Some(1), [2, 0, 2]), "{}", ended.stderr);
    let results = plant.results("deliveries.csv.results.ndjson");
    let statuses: Vec<_> = results.iter().map(|line| line["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["recorded", "refused", "refused", "recorded"]);
    let detail = "no supplier is named \"Lowther Seed\"; did you mean \"Lowther Seeds\"?";
    assert_eq!(results[1]["code"], "not-found");
    assert_eq!(results[1]["errors"], json!([{"line": 3, "column": "supplier", "detail": detail}]));
    assert!(ended.stderr.contains(&format!("line 3, column \"supplier\": {detail}")), "{}", ended.stderr);
    let columns: Vec<_> = results[2]["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["column"].as_str().unwrap())
        .collect();
    assert_eq!(columns, ["unit", "quantity", "received_at"], "everything at once: {}", results[2]);

    let mended = text.replace("Lowther Seed,", "Lowther Seeds,");
    let ended = plant.import(&plant.write("deliveries.csv", &mended), &[]);
    assert_eq!(ended.totals(), [1, 2, 1], "{}", ended.stderr);
}

#[tokio::test]
async fn semicolons_decimal_commas_and_local_times_are_read() {
    let plant = Plant::sample().await;
    let text = "\u{feff}Batch Number;Supplier;Product;Ingredient;Quantity;Unit;Location;Received-At;Key\r\n\
        \r\n\
        \"EV;1\";Eden Valley Mill;;rye flour;12,5;KGM;Tarn Hollow Bakery;2026-07-01 08:30;K-1\r\n\
        EV-2;Eden Valley Mill;;rye flour;1.250,5;KGM;Tarn Hollow Bakery;2026-07-01 08:30;\r\n\
        EV-3;;;rye flour;5;KGM;Tarn Hollow Bakery;2026-03-29 01:30;\r\n";
    let file = plant.write("excel.csv", text);
    let ended = plant.import(&file, &["--time-zone", "Europe/London"]);
    assert_eq!(ended.totals(), [1, 0, 2], "{}", ended.stderr);
    let lot = plant.lot("EV;1".replace(';', "%3B").as_str()).await;
    assert_eq!(lot["quantity"], json!({"value": "12.5", "unit": "KGM"}));
    assert_eq!(lot["occurred_at"], "2026-07-01T07:30:00Z");
    let results = plant.results("excel.csv.results.ndjson");
    assert_eq!((&results[1]["line"], &results[1]["errors"][0]["column"]), (&json!(4), &json!("quantity")));
    assert!(results[2]["detail"].as_str().unwrap().contains("where the clocks change"), "{}", results[2]);
    let ended = plant.import(&file, &[]);
    assert_eq!(plant.results("excel.csv.results.ndjson")[0]["code"], "command-id-reused", "{}", ended.stderr);
}

#[tokio::test]
async fn documents_hang_together() {
    let plant = Plant::sample().await;
    let header = "shipment,batch_number,item,quantity,unit,from_location,to_location,shipped_at";
    let route = "Tarn Hollow Bakery,Kendal Depot,2026-04-15T08:00:00Z";
    let text = format!(
        "{header}\n\
         S-1,SS-0414,,2,CS,{route}\nS-1,RL-0414,,2,CS,,Penrith Market Hall,\n\
         S-2,SS-0414,,2,CS,{route}\nS-2,RL-0414,,200,CS,,,\n\
         S-3,RL-0414,butter,1,CS,{route}\n\
         S-4,RL-0414,,1,CS,{route}\n\
         SHP-2041,SS-0413,,1,CS,{route}\n"
    );
    let ended = plant.import(&plant.write("more.csv", &text), &[]);
    assert_eq!(ended.totals(), [1, 0, 4], "{}", ended.stderr);
    let results = plant.results("more.csv.results.ndjson");
    let found: Vec<_> =
        results.iter().map(|r| (&r["code"], &r["errors"][0]["line"], &r["errors"][0]["column"])).collect();
    let expected = [
        (json!("invalid-body"), json!(3), json!("to_location")),
        (json!("insufficient-quantity"), json!(5), json!("batch_number")),
        (json!("not-found"), json!(6), json!("batch_number")),
        (Value::Null, Value::Null, Value::Null),
        (json!("command-id-reused"), json!(8), json!("shipment")),
    ];
    let expected: Vec<_> = expected.iter().map(|(code, line, column)| (code, line, column)).collect();
    assert_eq!(found, expected, "{results:#?}");
    assert_eq!(plant.lot("RL-0414").await["remaining"]["value"], "1", "all of a shipment or nothing");
}

#[tokio::test]
async fn a_lot_that_is_repacked_under_its_number_is_known_again() {
    let plant = Plant::sample().await;
    let header = "transformation,role,batch_number,item,quantity,unit,location,occurred_at";
    let text = format!(
        "{header}\nREPACK-1,input,EV-26-107,,100,KGM,Tarn Hollow Bakery,2026-04-15T08:00:00Z\n\
         REPACK-1,output,EV-26-107,white dough,100,KGM,,\n"
    );
    let file = plant.write("repack.csv", &text);
    assert_eq!(plant.import(&file, &[]).totals(), [1, 0, 0]);
    let again = plant.import(&file, &[]);
    assert_eq!(again.totals(), [0, 1, 0], "two lots have the number by now: {}", again.stderr);
    let other = plant.write("other.csv", &text.replace("REPACK-1", "REPACK-2"));
    let ended = plant.import(&other, &[]);
    assert_eq!(plant.results("other.csv.results.ndjson")[0]["code"], "ambiguous-name", "{}", ended.stderr);
}

#[tokio::test]
async fn what_contradicts_itself_or_would_be_lost_is_refused_at_its_column() {
    let plant = Plant::sample().await;
    let header =
        "transformation,role,batch_number,item,quantity,unit,location,occurred_at,loss,loss_unit,expiry_date";
    let cases = [
        ("5,KGM,", "5,GRM,", "loss_unit"),
        (",,", ",KGM,", "loss"),
        ("5,KGM,2026-09-01", ",,", "expiry_date"),
    ];
    for (number, (first, second, column)) in cases.iter().enumerate() {
        let text = format!(
            "{header}\nT-{number},input,EV-26-107,,100,KGM,Tarn Hollow Bakery,2026-04-15T08:00:00Z,{first}\n\
             T-{number},output,WD-{number},white dough,95,KGM,,,{second}\n"
        );
        let name = format!("contradictory-{number}.csv");
        let ended = plant.import(&plant.write(&name, &text), &[]);
        assert_eq!(ended.totals(), [0, 0, 1], "{column}: {}", ended.stderr);
        let results = plant.results(&format!("{name}.results.ndjson"));
        assert_eq!(results[0]["errors"][0]["column"], *column, "{results:#?}");
    }
}

#[tokio::test]
async fn a_file_with_nothing_in_it_is_an_empty_history() {
    let plant = Plant::empty().await;
    let ended = plant.import(&plant.write("nothing.ndjson", ""), &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test]
async fn a_header_that_is_not_understood_stops_its_file_alone() {
    let plant = Plant::sample().await;
    let bad = plant
        .write("bad.csv", "batch_number,ingredient,quantity,unit,locaton,received_at\nX,y,1,KGM,z,now\n");
    let good = plant.write(
        "good.ndjson",
        "{\"command\":\"locations\",\"body\":{\"name\":\"New\",\"type\":\"store\"}}\n[]\n",
    );
    let ended = plant.run(&["import", "--json", bad.to_str().unwrap(), good.to_str().unwrap()]);
    assert_eq!((ended.code, ended.totals()), (Some(1), [1, 0, 2]), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("column \"locaton\"") && ended.stderr.contains("did you mean `location`?"),
        "{}",
        ended.stderr
    );
    let results = plant.results("good.ndjson.results.ndjson");
    assert_eq!((&results[1]["code"], &results[1]["line"]), (&json!("invalid-line"), &json!(2)));
}

#[tokio::test]
async fn a_key_is_the_same_command_over_http_and_from_a_file() {
    let plant = Plant::empty().await;
    let body = json!({"name": "Cold store", "type": "store"});
    let posted = plant.client.post_as("k-1", "/v1/locations", &body).await.unwrap().ok();
    let line = |key: &str, body: &Value| {
        json!({"command": "locations", "key": key, "body": body}).to_string() + "\n"
    };
    let other = json!({"name": "Other store", "type": "store"});
    let text = line("k-1", &body) + &line("k-1", &other) + &line("k-2", &other);
    let ended = plant.import(&plant.write("keys.ndjson", &text), &[]);
    assert_eq!(ended.totals(), [1, 1, 1], "{}", ended.stderr);
    let results = plant.results("keys.ndjson.results.ndjson");
    assert_eq!((&results[0]["id"], &results[0]["position"]), (&posted["id"], &posted["position"]));
    assert_eq!(results[1]["code"], "command-id-reused");
    let answer = plant.client.post_as("k-2", "/v1/locations", &other).await.unwrap().ok();
    assert_eq!(answer["id"], results[2]["id"]);
}

#[tokio::test]
async fn refusals_of_commands_point_into_the_body() {
    let plant = Plant::empty().await;
    assert_eq!(plant.client.slug, TENANT);
    let receipt = json!({"command": "receipts", "body": {
        "batch_number": "", "ingredient_id": uuid::Uuid::nil(), "location_id": uuid::Uuid::nil(),
        "quantity": {"value": 0, "unit": "KGM"}, "received_at": "2026-05-01T06:00:00Z"}});
    let text = format!("{receipt}\n{{\"command\": \"recipes\", \"body\": {{}}}}\n");
    let ended = plant.import(&plant.write("wrong.ndjson", &text), &[]);
    assert_eq!((ended.code, ended.totals()), (Some(1), [0, 0, 2]));
    let results = plant.results("wrong.ndjson.results.ndjson");
    let pointers: Vec<_> =
        results[0]["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/batch_number", "/quantity/value"]);
    assert_eq!(results[1]["code"], "unknown-command");
}
