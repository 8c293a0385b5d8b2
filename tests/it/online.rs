//! Values as JSON, and keys to rows.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::Float32Type;
use proptest::prelude::*;
use rhapsode::engine::json::JsonColumn;
use rhapsode::store::{KeyIndex, PackedRows};

fn written(array: ArrayRef) -> Vec<String> {
    let column = JsonColumn::new(&array).unwrap();
    (0..array.len())
        .map(|row| {
            let mut out = Vec::new();
            column.write(row, &mut out);
            String::from_utf8(out).unwrap()
        })
        .collect()
}

#[test]
fn floats_are_the_shortest_text_in_their_own_width() {
    let floats = Float32Array::from(vec![Some(0.1), Some(1.0), Some(f32::NAN), Some(f32::INFINITY), None]);
    assert_eq!(written(Arc::new(floats)), ["0.1", "1.0", "null", "null", "null"]);
    assert_eq!(written(Arc::new(Float64Array::from(vec![0.1, 1e300, -0.0]))), ["0.1", "1e+300", "-0.0"]);
}

#[test]
fn integers_beyond_2_to_the_53_are_exact() {
    assert_eq!(
        written(Arc::new(Int64Array::from(vec![i64::MAX, i64::MIN]))),
        ["9223372036854775807", "-9223372036854775808"]
    );
}

#[test]
fn timestamps_are_told_to_the_microsecond() {
    let times = TimestampMicrosecondArray::from(vec![0, 1_000_001, -1]).with_timezone("UTC");
    let expected = ["\"1970-01-01T00:00:00Z\"", "\"1970-01-01T00:00:01.000001Z\"", "\"1969-12-31T23:59:59.999999Z\""];
    assert_eq!(written(Arc::new(times)), expected);
}

#[test]
fn lists_and_sliced_arrays_are_written_from_their_own_start() {
    let lists = ListArray::from_iter_primitive::<Float32Type, _, _>(vec![
        Some(vec![Some(1.5)]),
        None,
        Some(vec![None, Some(2.0)]),
    ]);
    let lists: ArrayRef = Arc::new(lists);
    assert_eq!(written(Arc::clone(&lists)), ["[1.5]", "null", "[null,2.0]"]);
    assert_eq!(written(lists.slice(1, 2)), ["null", "[null,2.0]"]);
}

proptest! {
    #[test]
    fn any_text_reads_back(texts in prop::collection::vec(any::<Option<String>>(), 0..20)) {
        let array: ArrayRef = Arc::new(StringArray::from(texts.clone()));
        let read: Vec<Option<String>> = written(array).iter().map(|json| serde_json::from_str(json).unwrap()).collect();
        prop_assert_eq!(read, texts);
    }

    #[test]
    fn any_float_reads_back(floats in prop::collection::vec(any::<f32>().prop_filter("finite", |f| f.is_finite()), 0..20)) {
        let read: Vec<f32> = written(Arc::new(Float32Array::from(floats.clone()))).iter().map(|json| json.parse().unwrap()).collect();
        prop_assert_eq!(read, floats);
    }

    #[test]
    fn a_packed_row_is_written_as_its_columns_are(
        values in prop::collection::vec(any::<(Option<bool>, Option<i32>, Option<i64>, Option<f32>, Option<f64>)>(), 1..20),
        repeated in 1_usize..15,
    ) {
        let days = values.iter().map(|value| value.1).collect::<Date32Array>();
        let times = values.iter().map(|value| value.2).collect::<TimestampMicrosecondArray>().with_timezone("UTC");
        let columns: Vec<ArrayRef> = vec![
            Arc::new(values.iter().map(|value| value.0).collect::<BooleanArray>()),
            Arc::new(values.iter().map(|value| value.1).collect::<Int32Array>()),
            Arc::new(values.iter().map(|value| value.2).collect::<Int64Array>()),
            Arc::new(values.iter().map(|value| value.3).collect::<Float32Array>()),
            Arc::new(values.iter().map(|value| value.4).collect::<Float64Array>()),
            Arc::new(days),
            Arc::new(times),
        ];
        // Past the bits of one word of validity.
        let many: Vec<&ArrayRef> = std::iter::repeat_n(&columns, repeated).flatten().collect();
        let packed = PackedRows::new(values.len(), &many);
        for (slot, column) in many.iter().enumerate() {
            prop_assert!(PackedRows::takes(column.data_type()));
            let json = JsonColumn::new(column).unwrap();
            for row in 0..values.len() {
                let (mut expected, mut found) = (Vec::new(), Vec::new());
                json.write(row, &mut expected);
                match packed.row(row).get(slot) {
                    Some(word) => json.write_word(word, &mut found),
                    None => found.extend_from_slice(b"null"),
                }
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn a_key_index_finds_what_a_map_finds(keys in prop::collection::vec(("[ab]{0,3}", "[ab]{0,3}"), 1..40), asked in ("[ab]{0,3}", "[ab]{0,3}")) {
        let columns = vec![
            StringArray::from(keys.iter().map(|(a, _)| a.as_str()).collect::<Vec<_>>()),
            StringArray::from(keys.iter().map(|(_, b)| b.as_str()).collect::<Vec<_>>()),
        ];
        let index = KeyIndex::new(columns).unwrap();
        let naive = |key: &(String, String)| keys.iter().position(|other| other == key);
        for key in keys.iter().chain([&asked]) {
            prop_assert_eq!(index.row([key.0.as_str(), key.1.as_str()].into_iter()), naive(key));
        }
    }
}
