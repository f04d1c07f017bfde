"""A camera's own faults: a picture that stops, what stands after a restart, and what its points show meanwhile."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

from agent.detectors import lasting, video
from agent.eyes.told import AREA_KINDS, OURS, Told, orphans
from agent.findings import Phase
from agent.signals import State
from agent.video.words import Learn, Look, Loss, Measures
from protocol.kinds import KINDS
from tests.scenes import HEAD, SOUND, Scene, person, site_of

RULE = 'loitering_after = "15s"'
BLACK = Measures(luma=3.0, luma_std=0.5, noise=0.2)


def judged_site() -> Scene:
    """A camera that judges its picture too."""
    return Scene(site_of(RULE, HEAD.replace('watch = ["people"]', 'watch = ["picture", "people"]')))


def test_the_tables_are_whole() -> None:
    """Every stage has an answer to everything that can be seen."""
    assert set(video.TABLE) == set(product(video.Stage, video.Seen))
    assert set(lasting.TABLE) == set(product(lasting.Stage, lasting.Seen))


def test_a_picture_that_stops_is_told_after_five_seconds_and_ends_with_the_first_one() -> None:
    """`camera.video_loss` with its cause; the camera is offline, its area unknown, and both come back."""
    scene = Scene(site_of(RULE))
    scene.after(5)
    assert (scene.points["camera/03"], scene.points["area/hall"]) == ("online", "normal")
    scene.lose(Loss.STALLED)
    scene.after(4.5)
    assert scene.told() == []
    scene.after(0.5)
    assert scene.told() == ["camera.video_loss"]
    assert scene.findings[0].facts == {"cause": "stalled"}
    assert (scene.points["camera/03"], scene.causes["camera/03"]) == ("offline", "stalled")
    assert (scene.points["area/hall"], scene.causes["area/hall"]) == ("unknown", "stalled")
    scene.sees = True
    scene.after(0.5)
    assert scene.told() == ["camera.video_loss", "camera.video_loss.restored"]
    assert scene.points["camera/03"] == "online"
    assert scene.points["area/hall"] == "unknown"  # nobody has been looked for for long enough
    scene.after(2)
    assert scene.points["area/hall"] == "normal"


def test_a_hiccup_is_no_loss() -> None:
    """A picture that is back within five seconds is nothing to tell."""
    scene = Scene(site_of(RULE))
    scene.after(5)
    scene.lose(Loss.STALLED)
    scene.after(4)
    scene.sees = True
    scene.after(5)
    assert scene.told() == []


def test_an_eye_that_says_nothing_is_a_loss_too() -> None:
    """Whatever hangs, somebody is told that nobody looks: after a silence, and where nothing was ever heard."""
    scene = Scene(site_of(RULE))
    scene.after(5)
    scene.sees = False
    scene.after(14)
    assert scene.told() == []
    scene.after(2)
    assert scene.told() == ["camera.video_loss"]
    assert scene.findings[0].facts == {"cause": "child"}
    never = Scene(site_of(RULE))
    never.sees = False
    never.after(70)
    assert [finding.facts for finding in never.findings] == [{"cause": "silent"}]


def test_a_camera_whose_password_is_not_there_is_unknown_and_no_loss() -> None:
    """`secret_pending`: nobody tries it, so nobody says that it is broken."""
    scene = Scene(site_of(RULE))
    scene.lose(Loss.SECRET)
    scene.after(120)
    assert scene.told() == []
    assert (scene.points["camera/03"], scene.causes["camera/03"]) == ("unknown", "secret_pending")
    assert (scene.points["area/hall"], scene.causes["area/hall"]) == ("unknown", "secret_pending")


def test_a_black_picture_is_a_fault_and_nobody_is_concluded_from_it() -> None:
    """The fault is told, marks the camera, makes its area unknown; the eye is told to learn nothing from it."""
    scene = judged_site()
    scene.measures = SOUND
    scene.after(5, person())
    scene.measures = BLACK
    scene.after(6, person())
    assert scene.told() == ["camera.black"]
    assert scene.told_eye == [Learn(fault=True)]
    assert scene.marks["camera/03"][0] == "black"
    assert (scene.points["area/hall"], scene.causes["area/hall"]) == ("unknown", "black")
    scene.after(60, person())
    assert scene.told() == ["camera.black"]  # nobody loiters in the dark, for all that is known
    scene.measures = SOUND
    scene.after(6)
    assert scene.told() == ["camera.black", "camera.black.restored"]
    assert scene.told_eye == [Learn(fault=True), Learn(fault=False)]


def test_a_camera_that_does_not_judge_its_picture_tells_no_fault() -> None:
    """`watch` without `picture`."""
    scene = Scene(site_of(RULE))
    scene.measures = BLACK
    scene.after(30)
    assert scene.told() == []


def test_marks_say_what_else_is_true() -> None:
    """No model, no reference yet, quiet, and what others know of the camera."""
    scene = judged_site()
    scene.measures, scene.model = SOUND, "none"
    scene.after(1)
    assert list(scene.marks["camera/03"]) == ["no_model", "no_reference"]
    scene.take(scene.mind.mark({"clock_drift"}, scene.now))
    assert list(scene.marks["camera/03"]) == ["clock_drift", "no_model", "no_reference"]
    look = Look(at_ms=scene.now.mono_ms, frame=1, measures=SOUND, boxes=(), model="m", quiet=True, reference=2)
    scene.take(scene.mind.hear(look, scene.around, scene.now))
    assert list(scene.marks["camera/03"]) == ["clock_drift", "quiet"]


def test_after_a_restart_a_loss_that_stood_ends_when_pictures_come() -> None:
    """The run before told it; this one tells its end, and not its beginning again."""
    told = [Told(kind="camera.video_loss", source="camera/03")]
    scene = Scene(site_of(RULE), told)
    scene.lose(Loss.UNREACHABLE)
    assert scene.points["camera/03"] == "offline"
    scene.after(30)
    assert scene.told() == []
    scene.sees = True
    scene.after(1)
    assert scene.told() == ["camera.video_loss.restored"]


def test_what_nobody_judges_any_more_ends() -> None:
    """A camera, an area or a rule that the site file no longer has: its condition ends, others do not."""
    scene = Scene(site_of(RULE))
    told = [
        Told(kind="camera.video_loss", source="camera/03"),
        Told(kind="camera.black", source="camera/03"),  # its picture is not judged now
        Told(kind="camera.video_loss", source="camera/09"),
        Told(kind="presence.loitering", source="area/hall"),
        Told(kind="presence.crowd", source="area/hall"),
    ]
    ended = orphans(told, scene.site, scene.now)
    assert [(each.kind, each.source) for each in ended] == [
        ("camera.black", "camera/03"),
        ("camera.video_loss", "camera/09"),
        ("presence.crowd", "area/hall"),
    ]
    assert all(each.phase is Phase.ENDED for each in ended)


def test_every_condition_is_of_the_catalogue() -> None:
    """No word of ours is one that the centre does not know."""
    assert set(KINDS) >= OURS
    assert AREA_KINDS < OURS


def test_a_look_is_judged_at_its_own_time() -> None:
    """A look that comes late says what was then: its finding bears the time of the picture."""
    scene = Scene(site_of("restricted = true"))
    scene.after(2, person())
    late = scene.now
    scene.clock.advance(timedelta(seconds=1))
    look = Look(at_ms=late.mono_ms + 500, frame=99, measures=SOUND, boxes=(person(),), model="m")
    scene.take(scene.mind.hear(look, scene.around, scene.now))
    assert [each.at.mono_ms for each in scene.findings] == [late.mono_ms + 500]
    assert scene.points["area/hall"] is State.ACTIVE
