"""`src/trigger/video.ts`: long runs on large machines, a child for each rendition, and every way to lose a process."""

from random import Random

from tui.emulator.demo_tasks.sample_data import between, pick, region_tags, skewed_ms
from tui.emulator.demo_tasks.stacks import OUT_OF_MEMORY, WORKER_LOST, bare_stack, crash, custom, own, timed_out
from tui.emulator.simulation.failure import Failure
from tui.emulator.simulation.script import Call, Child, Item, Json, Log, Script, SetMetadata, Span, Start, Task, Work

FILE = "src/trigger/video.ts"
HEIGHTS = (360, 720, 1080, 2160)
MAX_S = 120

_PROBE = bare_stack(
    own("parseProbe", "lib/ffmpeg.ts", 47, 11, is_async=False),
    "ChildProcess.<anonymous> (file:///app/src/lib/ffmpeg.ts:39:14)",
    "ChildProcess.emit (node:events:518:28)",
    "maybeClose (node:internal/child_process:1101:16)",
    "ChildProcess._handle.onexit (node:internal/child_process:304:5)",
)


def _video(random: Random) -> Json:
    return {
        "video": between(random, 100_000, 1_000_000),
        "source": "s3://uploads/raw.mov",
        "seconds": between(random, 8, 400),
        "renditions": list(HEIGHTS[: between(random, 2, 5)]),
    }


def _transcode_video(call: Call) -> Script:
    random, video = call.random, call.payload
    number, heights = video["video"], video["renditions"][:8]
    probe = Span("ffprobe", 0.6, (Log("INFO", f"video {number}: {video['seconds']} s", {"streams": _STREAMS}),))
    probing = Work(between(random, 700, 2_500), (probe,))
    if number % 100 < 3:
        message = f"/data/videos/{number:x}/raw.mov: moov atom not found"
        return Script((probing,), throws=custom("UnsupportedCodecError", message, _PROBE, cause="no moov atom"))
    children = tuple(
        Child("transcode-rendition", {"video": number, "height": height, "seconds": video["seconds"]}, (f"{height}p",))
        for height in heights
    )
    return Script(
        (
            SetMetadata({"status": "probing", "total": len(heights)}),
            probing,
            SetMetadata({"status": "transcoding"}),
            Start(children, is_awaited=True, is_batch=True, must_succeed=number % 2 == 0),
            Work(between(random, 500, 1_500), (Log("INFO", "manifest written", {"renditions": heights}),)),
            SetMetadata({"status": "done", "percent": 100}),
        ),
        {"manifest": f"https://cdn.example.com/{number}/master.m3u8", "renditions": heights},
    )


_STREAMS = [{"codec": "h264", "fps": 29.97}, {"codec": "aac", "channels": 2, "language": None}]


def _rendition(random: Random) -> Json:
    return {
        "video": between(random, 100_000, 1_000_000),
        "height": pick(random, HEIGHTS),
        "seconds": between(random, 8, 400),
    }


def _transcode_rendition(call: Call) -> Script:
    random, job = call.random, call.payload
    number, height = job["video"], job["height"]
    ms = 6_000 + int(random.random() ** 2 * 60_000)
    command = Log("INFO", f"ffmpeg -i raw.mov -vf scale=-2:{height} -c:v libx264", {"crf": 21.5, "threads": 8})
    failure = _end_of_process(between(random, 0, 1000))
    items: list[Item] = [SetMetadata({"status": "encoding", "percent": 0, "progress": 0}), Work(ms // 4, (command,))]
    if failure is not None:
        items.append(Work(ms // 4, (Log("WARN", "memory is at 94 %", {"rss": {"mb": 7_612, "limit": 8_192}}),)))
        return Script(tuple(items), throws=failure)
    for percent in (25, 50, 75):
        items.append(
            SetMetadata({"percent": percent, "progress": percent / 100, "eta": ms * (100 - percent) // 100_000})
        )
        items.append(
            Work(ms // 4, (Log("INFO", f"frame={percent * job['seconds'] // 4} fps={height // 12} speed=1.2x"),))
        )
    return Script(
        (*items, SetMetadata({"percent": 100, "progress": 1})),
        {"file": f"{number}/{height}p.mp4", "bytes": height * 41_113},
    )


def _end_of_process(chance: int) -> Failure | None:
    if chance < 14:
        return OUT_OF_MEMORY
    if chance < 26:
        return crash(137, "SIGKILL")
    if chance < 34:
        return crash()
    if chance < 48:
        return timed_out(MAX_S)
    return WORKER_LOST if chance < 51 else None


def _picture(random: Random) -> Json:
    return [f"s3://uploads/{between(random, 100_000, 1_000_000)}.jpg", between(random, 1, 5000), None]


def _extract_thumbnail(call: Call) -> Script:
    random = call.random
    ms = skewed_ms(random, 400, 12_000)
    if random.random() < 0.03:
        return Script((Work(ms, (_DECODING,)),), throws=crash(139, "SIGSEGV"))
    width = between(random, 120, 1_920)
    resize = Span("sharp", 0.7, (_DECODING,), {"width": width, "formats": ["webp", "avif"]})
    return Script((Work(ms, (resize,)),), [width, width * 9 // 16])


_DECODING = Log("INFO", "decoding", {"icc": None, "orientation": 6})

TASKS = (
    Task(
        "transcode-video",
        _transcode_video,
        FILE,
        weight=0.7,
        payload=_video,
        tags=region_tags,
        machine="small-2x",
        max_attempts=1,
        cancel_hook=(Log("WARN", "canceled: renditions are dropped"), Log("INFO", "temporary files removed")),
    ),
    Task(
        "transcode-rendition",
        _transcode_rendition,
        FILE,
        payload=_rendition,
        queue="video",
        machine="large-2x",
        ttl="10m",
        cancel_hook=(Log("INFO", "killing ffmpeg", {"signal": "SIGTERM", "pid": 4_113}),),
    ),
    Task("extract-thumbnail", _extract_thumbnail, FILE, weight=4, payload=_picture, machine="medium-1x"),
)
