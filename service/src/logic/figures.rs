//! The figures of instances: what each tells of itself, and what they add up to.

use serde_json::{Map, Value, json};

use crate::python::time::Stamp;
use crate::tables::column::ColumnValue as _;
use crate::tables::integration::DeploymentInstance;

/// The figures of one instance: those that it tells itself, and those of its row for what it does not.
pub fn of_instance(
    instance: &DeploymentInstance,
    told: Option<&Map<String, Value>>,
    now: Stamp,
) -> Value {
    let kept = [
        ("cpu_usage", instance.cpu_usage.to_json()),
        ("memory_usage", instance.memory_usage.to_json()),
        ("request_count", instance.request_count.to_json()),
        ("error_count", instance.error_count.to_json()),
        ("average_response_time", instance.average_response_time.to_json()),
        ("uptime_percentage", instance.uptime_percentage.to_json()),
    ];
    let mut figures = Map::new();
    let mut put = |name: &str, value: Value| figures.insert(name.to_owned(), value);
    put("instance_id", instance.instance_id.to_json());
    put("status", instance.status.to_json());
    put("health_status", instance.health_status.to_json());
    put("timestamp", now.aware().into());
    for (name, value) in kept {
        put(name, told.and_then(|told| told.get(name)).cloned().unwrap_or(value));
    }
    put("last_health_check", instance.last_health_check.to_json());
    Value::Object(figures)
}

/// What the figures of a deployment's instances add up to. Whole numbers stay whole; what is no number counts as nothing.
pub fn aggregate(figures: &[Value]) -> Value {
    if figures.is_empty() {
        return json!({
            "total_requests": 0, "total_errors": 0, "average_response_time": 0,
            "average_cpu_usage": 0, "average_memory_usage": 0, "uptime_percentage": 0,
        });
    }
    let number = |one: &Value, name: &str| one.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 instances")]
    let average = |name: &str| {
        figures.iter().map(|one| number(one, name)).sum::<f64>() / figures.len() as f64
    };
    let requests = total(figures, "request_count");
    let waited: f64 = figures
        .iter()
        .map(|one| number(one, "average_response_time") * number(one, "request_count"))
        .sum();
    let response_time = match requests.as_f64() {
        Some(requests) if requests > 0.0 => json!(waited / requests),
        _ => json!(0),
    };
    json!({
        "total_requests": requests,
        "total_errors": total(figures, "error_count"),
        "average_response_time": response_time,
        "average_cpu_usage": average("cpu_usage"),
        "average_memory_usage": average("memory_usage"),
        "uptime_percentage": average("uptime_percentage"),
    })
}

fn total(figures: &[Value], name: &str) -> Value {
    let numbers = || figures.iter().filter_map(|one| one.get(name));
    let whole = numbers()
        .filter(|value| value.is_number())
        .try_fold(0_i64, |sum, value| value.as_i64().and_then(|number| sum.checked_add(number)));
    whole.map_or_else(|| json!(numbers().filter_map(Value::as_f64).sum::<f64>()), Value::from)
}

/// Instances with their figures, each with the answer about one deployment.
pub fn metrics(deployment_id: &str, time_range: &str, figures: &[Value]) -> Value {
    json!({
        "deployment_id": deployment_id,
        "time_range": time_range,
        "total_instances": figures.len(),
        "instance_metrics": figures,
        "aggregated_metrics": aggregate(figures),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logic::deployments::tests::now;
    use crate::logic::instances::tests::instance;

    #[test]
    fn the_contract_s_example_of_figures() {
        let told = json!({"cpu_usage": 40.0, "memory_usage": 512, "request_count": 100, "error_count": 4,
                          "average_response_time": 0.25, "uptime_percentage": 99.5});
        let figures: Vec<Value> = [Some(&told), Some(&json!({"cpu_usage": 10.0})), None, None]
            .iter()
            .zip(0..)
            .map(|(told, i)| of_instance(&instance(i), told.and_then(Value::as_object), now()))
            .collect();
        assert_eq!(
            (&figures[0]["memory_usage"], &figures[1]["memory_usage"]),
            (&json!(512), &Value::Null)
        );
        assert_eq!(figures[3]["timestamp"], "2026-01-01T00:00:00+00:00");
        assert_eq!(
            aggregate(&figures),
            json!({"total_requests": 100, "total_errors": 4, "average_response_time": 0.25,
                   "average_cpu_usage": 12.5, "average_memory_usage": 128.0, "uptime_percentage": 24.875})
        );
        let idle = aggregate(&[of_instance(&instance(0), None, now())]);
        assert_eq!(idle["average_response_time"].to_string(), "0");
        assert_eq!(idle["average_cpu_usage"].to_string(), "0.0");
        assert_eq!(aggregate(&[])["average_cpu_usage"].to_string(), "0");
    }

    #[test]
    fn figures_that_are_none_count_as_nothing() {
        let odd = json!({"request_count": null, "error_count": "many", "cpu_usage": [], "uptime_percentage": 1});
        let figures = [of_instance(&instance(0), odd.as_object(), now())];
        let sums = aggregate(&figures);
        assert_eq!((&sums["total_requests"], &sums["total_errors"]), (&json!(0), &json!(0)));
        assert_eq!(sums["uptime_percentage"], json!(1.0));
    }

    proptest! {
        #[test]
        fn whole_sums_stay_whole_and_none_panics(counts in prop::collection::vec(any::<i64>(), 0..6), float in any::<f64>()) {
            let figures: Vec<Value> = counts.iter().map(|count| json!({"request_count": count})).collect();
            let whole = counts.iter().try_fold(0_i64, |sum, count| sum.checked_add(*count));
            prop_assert_eq!(total(&figures, "request_count").as_i64(), whole);
            let _any = aggregate(&[json!({"request_count": float, "average_response_time": float})]);
        }
    }
}
