"""Environments with many runs, like those behind the recorded lists.

`quiet`: only a delayed run and one of an unknown task are live, as in 010-057. `busy`: many runs are live, as in 061
and 063.
"""

from tests.emulator.contract.runs import details, make
from tests.emulator.contract.scene import KEYS, Scene

FINISHED = (
    "e45f6e3t",
    "ybhtw9lx",
    "ukh5e0ah",
    "ld8ftj35",
    "uapvv2uj",
    "0c6oo067",
    "bxet9giz",
    "iny8wbv3",
    "y1wfrtva",
    "s7c1348c",
    "hl6crziw",
    "ibjeviwd",
    "g4c48zv4",
    "jcl8a7g1",
    "t2evz232",
    "fg0xzmnh",
    "cmx6srqz",
    "87q4qya4",
    "fa33if4d",
    "qczvu2cr",
    "0svqvji6",
)


def quiet(scene: Scene) -> None:
    """Every kind of end, and two runs that wait for a distant time. More than 25 runs, all known to lists."""
    for end in FINISHED:
        make(scene, details()[end]["id"])
        scene.advance(0.02)
    for number in range(12):
        scene.trigger("leaf", {"n": number, "ms": 400, "fail": False})
    scene.advance(200)
    scene.trigger("no-such-task", {})
    scene.trigger("hello-world", {"name": "Later"}, tags=["later"], delay="2h")
    scene.advance(30)


def shared_quiet(scene: Scene) -> None:
    """The same for cases that change nothing: built once, then restored."""
    if scene.quiet is None:
        quiet(scene)
        scene.quiet = (scene.time[0], scene.key, [scene.world(slug) for slug in KEYS])
    scene.time[0], scene.key, worlds = scene.quiet
    for world in worlds:
        scene.emulator.put(world)


def busy(scene: Scene) -> None:
    """Runs that queue, execute, retry and wait."""
    for number in range(8):
        scene.trigger("fail-slow-retry", {}, tags=["slow-retry"])
        scene.trigger("single-file-job", {"seconds": 20})
        scene.trigger("slow", {"seconds": 60})
        scene.trigger("hello-world", {"name": f"Ada {number}"}, delay="1h")
        scene.trigger("leaf", {"n": number, "ms": 400, "fail": True})
    scene.advance(4)
    scene.trigger("hello-world", {"name": "new"})
    scene.advance(1.2)


def waiting(scene: Scene) -> None:
    """A deployed run that is suspended in a wait."""
    scene.key = KEYS["prod"]
    scene.trigger("wait-for", {"seconds": 60}, tags=["prod-wait"])
    scene.advance(5)
