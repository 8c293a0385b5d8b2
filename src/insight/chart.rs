//! Charts: what Vega-Lite, a grammar of graphics, draws of rows.

use serde_json::{Value, json};

use super::period::Start;
use super::trends::{Request, Row, Trends};

/// The version of the grammar that charts are written in.
const SCHEMA: &str = "https://vega.github.io/schema/vega-lite/v6.json";

/// The rows of trends as machines read and draw them: `period`, `group` and `value` where there are any, `count`, `of`, `share`
/// or `mean`, `low`, `high`, `smoothed`.
pub fn tidy(trends: &Trends) -> Vec<Value> {
    let row = |row: &Row| {
        let Row { start, group, value, count, of, estimate, interval, smoothed } = row;
        let period = match start {
            Start::Number(number) => json!(number),
            Start::Date(date) => json!(date.to_string()),
        };
        let mut tidy = json!({"period": period, "count": count, "of": of, "smoothed": smoothed});
        tidy[trends.estimate()] = json!(estimate);
        for (name, text) in [("group", group), ("value", value)] {
            if let Some(text) = text {
                tidy[name] = json!(text);
            }
        }
        (tidy["low"], tidy["high"]) = (json!(interval.map(|of| of.low)), json!(interval.map(|of| of.high)));
        tidy
    };
    trends.rows.iter().map(row).collect()
}

/// A chart of trends: a line for each value, smoothed, with what was measured in each period as points and their intervals as
/// bands; a panel for each group.
pub fn trend_chart(request: &Request, trends: &Trends) -> Value {
    let Request { feature, time, by, .. } = request;
    let is_of_shares = trends.values.is_some();
    let format = if is_of_shares { "%" } else { "" };
    // What is shown is what was measured: of periods with few pieces the bands go far beyond.
    let shown = || trends.rows.iter().flat_map(|row| [row.estimate, row.smoothed]);
    let (least, greatest) = (shown().fold(f64::MAX, f64::min), shown().fold(f64::MIN, f64::max));
    let domain = [if is_of_shares { 0.0 } else { least }, greatest];
    let y = |field: &str| {
        let axis = json!({"title": format!("{} of {feature}", trends.estimate()), "format": format});
        let mut scale = json!({"zero": is_of_shares, "nice": true});
        if !trends.rows.is_empty() {
            scale["domain"] = json!(domain);
        }
        json!({"field": field, "type": "quantitative", "scale": scale, "axis": axis})
    };
    let x = match trends.period.is_of_dates() {
        true => json!({"field": "period", "type": "temporal", "title": time, "scale": {"type": "utc"}}),
        false => {
            let axis = json!({"format": "d"});
            json!({"field": "period", "type": "quantitative", "title": time, "axis": axis, "scale": {"zero": false}})
        }
    };
    // All layers share one legend, whose symbols would be as pale as the bands are.
    let encoded = |mut channels: Value| {
        if is_of_shares {
            let legend = json!({"symbolOpacity": 1, "symbolType": "stroke"});
            let scale = json!({"scheme": "tableau20"});
            channels["color"] =
                json!({"field": "value", "type": "nominal", "title": feature, "scale": scale, "legend": legend});
        }
        channels
    };
    let band = json!({"type": "area", "opacity": 0.15, "clip": true});
    let point = json!({"type": "point", "size": 12, "filled": true, "tooltip": {"content": "data"}});
    let layer = json!([
        {"mark": band, "encoding": encoded(json!({"y": y("low"), "y2": {"field": "high"}}))},
        {"mark": "line", "encoding": encoded(json!({"y": y("smoothed")}))},
        {"mark": point, "encoding": encoded(json!({"y": y(trends.estimate())}))},
    ]);
    let mut chart =
        json!({"$schema": SCHEMA, "title": format!("{feature} by {time}"), "data": {"values": tidy(trends)}});
    let (width, height) = if by.is_some() { (280, 200) } else { (600, 360) };
    let panel = json!({"width": width, "height": height, "encoding": {"x": x}, "layer": layer});
    match (by, chart.as_object_mut(), panel) {
        (None, Some(chart), Value::Object(panel)) => chart.extend(panel),
        (by, _, panel) => {
            chart["facet"] = json!({"field": "group", "type": "nominal", "title": by});
            (chart["columns"], chart["spec"]) = (json!(3), panel);
        }
    }
    chart
}
