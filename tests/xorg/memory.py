# SPDX-License-Identifier: MIT
"""No command reads or writes what is not its own, or loses memory."""
import rig
import sessions
from rig import e2e, tap
from sessions import BOTH_LIT, PANEL_LIT, conf, hybrid, nvidia, run, screen, shows

WRONG = 99
VALGRIND = ["valgrind", "-q", f"--error-exitcode={WRONG}", "--leak-check=full",
            "--errors-for-leak-kinds=definite,possible", "--track-fds=no"]


def checked(server, *words, status=0, **more):
    e2e.needs("valgrind")
    result = run(server, *words, wrap=VALGRIND, timeout=120, **more)
    assert result.returncode == status, (words, result.stderr)
    return result


def setup(server, *words, **more):
    return checked(server, "setup", "--timeout", "100", *words, **more)


def test_the_check_sees_what_it_looks_for():
    e2e.needs("valgrind")
    text = ("#include <stdlib.h>\n"
            "int main(void) { volatile char *p = malloc(3); p[3] = 1; return 0; }\n")
    with e2e.place() as place:
        source = e2e.write(place / "wrong.c", text)
        built = e2e.run("cc", "-w", "-O0", "-o", place / "wrong", source)
        assert built.returncode == 0, built
        assert e2e.run(*VALGRIND, place / "wrong").returncode == WRONG


def test_setup_and_reset():
    with hybrid() as server:
        text = "[session]\nlayuot = above\nlayout = left-of\n[output HDMI*]\nprimary = yes\n"
        setup(server, conf(server, text))
        assert len(sessions.lit(server)) == 2
        setup(server)
        checked(server, "reset")
        shows(server, PANEL_LIT)


def test_setup_of_what_is_refused():
    with hybrid("HDMI-1-0:c!:1280x720") as server:
        setup(server, status=1)
        shows(server, PANEL_LIT)
        setup(server, "--mode", "sync", status=1)


def test_setup_of_three_gpus():
    with rig.xorg([screen(), nvidia(), nvidia("DP-1-0:c:800x600", name="NVIDIA-G1")]) as server:
        setup(server)
        assert len(sessions.lit(server)) == 3


def test_a_hook():
    with hybrid() as server:
        # It says so if the process that does the work ends otherwise.
        assert "the hook's work" not in setup(server, "--hook").stderr
        shows(server, BOTH_LIT)


def test_plan_and_providers():
    with hybrid() as server:
        for words in ["plan"], ["plan", "--json"], ["providers"], ["providers", "--json"]:
            checked(server, *words)


def test_a_server_that_ends():
    with hybrid() as server:
        def kill(name, _):
            if name == "SetCrtcConfig" and server.alive():
                server.kill()

        with sessions.Relay(server, before=kill) as relay:
            setup(server, status=1, env=relay.env())


if __name__ == "__main__":
    tap.run([(f"valgrind finds nothing: {name}" if "check" not in name else name, test)
             for name, test in e2e.tests(globals())])
