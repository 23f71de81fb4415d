//! Jobs: what a request for one of the five services asks of a miner, and the row in which miners find it.

pub mod catalogue;
pub mod registry;
pub mod refusal;

use serde_json::{Map, Value, json};

use super::Denied;
use crate::python::time::Stamp;
use crate::tables::Json;
use crate::tables::choice::choice;
use crate::tables::jobs::Job;

choice! {
    /// What a miner can be asked to run.
    pub enum Service {
        /// Speech to text.
        Whisper = "WHISPER" / "whisper",
        /// Text to pictures.
        StableDiffusion = "STABLE_DIFFUSION" / "stable_diffusion",
        /// Text to text.
        LlmInference = "LLM_INFERENCE" / "llm_inference",
        /// Video to video.
        Ffmpeg = "FFMPEG" / "ffmpeg",
        /// Scenes to pictures.
        Blender = "BLENDER" / "blender",
    }
}

/// Seconds that a text may take to be made.
const TEXT_TTL: i64 = 300;
/// Seconds that a picture may take.
const IMAGE_TTL: i64 = 600;
/// Seconds that speech may take, and what is ordered by the name of its service.
const SPEECH_TTL: i64 = 900;
/// Seconds that a video may take.
const VIDEO_TTL: i64 = 1800;
/// Seconds for each frame of a scene, and the least for all of them.
const FRAME_TTL: i64 = 30;
const LEAST_RENDERING_TTL: i64 = 600;

/// The toolkit that Stable Diffusion and language models need at least.
const CUDA: &str = "11.8";

/// Pixels that one GB of video memory holds, at a hundred samples.
const PIXELS_PER_GB: f64 = 1_048_576.0;

/// What a client orders.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// What runs it.
    pub service: Service,
    /// The request as miners read it.
    request: Map<String, Value>,
    needs: Needs,
    /// How long it may wait and run, in seconds.
    ttl_seconds: i64,
}

/// What the miner's machine must have.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Needs {
    model: &'static str,
    gpu: &'static str,
    cuda: Option<&'static str>,
    /// In GB.
    video_memory: Option<i64>,
}

impl Needs {
    /// All six keys, because the monolith stores all six.
    fn to_json(&self) -> Value {
        json!({
            "gpu": self.gpu,
            "cuda": self.cuda,
            "min_vram_gb": self.video_memory,
            "models": [self.model],
            "region": null,
            "max_price": null,
        })
    }
}

impl Order {
    /// Speech to text, from a checked request.
    pub fn speech(request: Map<String, Value>) -> Self {
        let video_memory = size_of(&request);
        let needs = Needs { model: "whisper", gpu: "nvidia", cuda: None, video_memory };
        Self { service: Service::Whisper, request, needs, ttl_seconds: SPEECH_TTL }
    }

    /// Speech to English text, whatever task the request names.
    pub fn translated_speech(mut request: Map<String, Value>) -> Self {
        request.insert("task".to_owned(), "translate".into());
        Self::speech(request)
    }

    /// Text to pictures, from a checked request.
    pub fn image(request: Map<String, Value>) -> Self {
        let video_memory = size_of(&request);
        let needs =
            Needs { model: "stable-diffusion", gpu: "nvidia", cuda: Some(CUDA), video_memory };
        Self { service: Service::StableDiffusion, request, needs, ttl_seconds: IMAGE_TTL }
    }

    /// Pictures to pictures. The request is the same; a word tells the miner.
    pub fn image_from_image(mut request: Map<String, Value>) -> Self {
        request.insert("mode".to_owned(), "img2img".into());
        Self::image(request)
    }

    /// Text to text, from a checked request.
    pub fn text(request: Map<String, Value>) -> Self {
        let video_memory = size_of(&request);
        let needs = Needs { model: "llm", gpu: "nvidia", cuda: Some(CUDA), video_memory };
        Self { service: Service::LlmInference, request, needs, ttl_seconds: TEXT_TTL }
    }

    /// Text to text, streamed whatever the request says.
    pub fn streamed_text(mut request: Map<String, Value>) -> Self {
        request.insert("stream".to_owned(), true.into());
        Self::text(request)
    }

    /// Text to text, stored as the client sent it; `checked` is the same request with its defaults.
    pub fn text_as_sent(sent: Map<String, Value>, checked: Map<String, Value>) -> Self {
        Self { request: sent, ttl_seconds: SPEECH_TTL, ..Self::text(checked) }
    }

    /// Video to video, from a checked request.
    pub fn video(request: Map<String, Value>) -> Self {
        // Only these two have encoders on the card.
        let on_card = matches!(word(&request, "codec"), "h264" | "h265");
        let (gpu, video_memory) = if on_card { ("nvidia", Some(4)) } else { ("any", None) };
        let needs = Needs { model: "ffmpeg", gpu, cuda: None, video_memory };
        Self { service: Service::Ffmpeg, request, needs, ttl_seconds: VIDEO_TTL }
    }

    /// Scenes to pictures, from a checked request.
    pub fn rendering(request: Map<String, Value>) -> Self {
        let gpu = if word(&request, "engine") == "cycles" { "nvidia" } else { "any" };
        let video_memory = Some(rendering_memory(&request));
        let frames = whole(&request, "frame_end") - whole(&request, "frame_start") + 1;
        let ttl_seconds = frames.saturating_mul(FRAME_TTL).max(LEAST_RENDERING_TTL);
        let needs = Needs { model: "blender", gpu, cuda: None, video_memory };
        Self { service: Service::Blender, request, needs, ttl_seconds }
    }

    /// The row in which miners find this order. `now` is what their clocks show.
    pub fn into_row(self, id: String, client: String, now: Stamp) -> Result<Job, Denied> {
        let expires_at = now.checked_plus_seconds(self.ttl_seconds).ok_or(Denied::Refused(
            "So many frames would end after the last day of the calendar",
        ))?;
        let payload = json!({"service_type": self.service.word(), "service_request": self.request});
        Ok(Job {
            id,
            client_id: client,
            state: "QUEUED".to_owned(),
            payload: Json(payload),
            constraints: Json(self.needs.to_json()),
            ttl_seconds: self.ttl_seconds.into(),
            requested_at: now,
            expires_at,
            assigned_miner_id: None,
            result: None,
            receipt: None,
            receipt_id: None,
            error: None,
            payment_id: None,
            payment_status: None,
        })
    }
}

/// The GB that a rendering takes: its pixels, times samples in hundreds where the engine samples, and 4 at least.
fn rendering_memory(request: &Map<String, Value>) -> i64 {
    let number = |name| request.get(name).and_then(Value::as_f64).unwrap_or_default();
    let pixels = number("resolution_x") * number("resolution_y");
    let depth = if word(request, "engine") == "eevee" { 1.0 } else { number("samples") / 100.0 };
    #[expect(clippy::cast_possible_truncation, reason = "the checked fields bound it by 409600")]
    let memory = (pixels * depth / PIXELS_PER_GB).trunc() as i64;
    memory.max(4)
}

/// The GB that the model of a checked request takes.
fn size_of(request: &Map<String, Value>) -> Option<i64> {
    catalogue::video_memory(word(request, "model"))
}

fn word<'r>(request: &'r Map<String, Value>, name: &str) -> &'r str {
    request.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn whole(request: &Map<String, Value>, name: &str) -> i64 {
    request.get(name).and_then(Value::as_i64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn scene(engine: &str, x: i64, y: i64, samples: i64, frames: (i64, i64)) -> Order {
        Order::rendering(map(&json!({
            "engine": engine, "resolution_x": x, "resolution_y": y, "samples": samples,
            "frame_start": frames.0, "frame_end": frames.1,
        })))
    }

    #[test]
    fn what_a_scene_takes_as_recorded() {
        for (order, memory, ttl, gpu) in [
            (scene("cycles", 1920, 1080, 128, (1, 1)), 4, 600, "nvidia"),
            (scene("eevee", 3840, 2160, 4096, (1, 250)), 7, 7500, "any"),
            (scene("cycles", 3840, 2160, 2000, (5, 30)), 158, 780, "nvidia"),
            (scene("eevee-next", 1920, 1080, 1000, (1, 1)), 19, 600, "any"),
            // A default that nobody sent is not compared with the first frame.
            (scene("cycles", 1, 1, 1, (5, 1)), 4, 600, "nvidia"),
        ] {
            assert_eq!(order.needs.video_memory, Some(memory));
            assert_eq!((order.ttl_seconds, order.needs.gpu), (ttl, gpu));
        }
    }

    #[test]
    fn what_videos_and_models_take() {
        for (codec, gpu, memory) in [
            ("h264", "nvidia", Some(4)),
            ("h265", "nvidia", Some(4)),
            ("vp9", "any", None),
            ("av1", "any", None),
        ] {
            let needs = Order::video(map(&json!({"codec": codec}))).needs;
            assert_eq!((needs.gpu, needs.video_memory), (gpu, memory), "{codec}");
        }
        let of = |order: fn(Map<String, Value>) -> Order, model: &str| {
            order(map(&json!({"model": model}))).needs.video_memory
        };
        assert_eq!(of(Order::speech, "large-v2"), Some(10));
        assert_eq!(of(Order::image, "sdxl-turbo"), Some(8));
        assert_eq!(of(Order::text, "mixtral-8x7b"), Some(48));
    }

    #[test]
    fn what_an_endpoint_forces_keeps_its_place_in_the_request() {
        let order = Order::translated_speech(map(&json!({"task": "transcribe", "fp16": true})));
        assert_eq!(json!(order.request).to_string(), r#"{"task":"translate","fp16":true}"#);
        let order = Order::image_from_image(map(&json!({"prompt": "p"})));
        assert_eq!(json!(order.request).to_string(), r#"{"prompt":"p","mode":"img2img"}"#);
        let order = Order::streamed_text(map(&json!({"stream": false})));
        assert_eq!(json!(order.request), json!({"stream": true}));
    }

    proptest! {
        #[test]
        fn a_job_expires_when_its_time_is_over_or_is_refused(first in 1..i64::MAX, last in 1..i64::MAX) {
            let now = Stamp::parse("2026-11-22 10:00:00").unwrap();
            let order = scene("cycles", 100, 100, 1, (first, last));
            let ttl = order.ttl_seconds;
            prop_assert!(ttl >= LEAST_RENDERING_TTL);
            match order.into_row("j".to_owned(), "c".to_owned(), now) {
                Ok(job) => {
                    prop_assert_eq!(job.expires_at, now.plus_seconds(ttl));
                    prop_assert_eq!(job.ttl_seconds.get(), Some(ttl));
                }
                Err(denied) => {
                    prop_assert!(matches!(denied, Denied::Refused(_)));
                    prop_assert!(ttl > 7_000 * 365 * 86_400);
                }
            }
        }
    }
}
