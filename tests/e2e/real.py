# SPDX-License-Identifier: MIT
"""nv-gpu ps and awake on real processes, by the thousand, that hold a real character device.

Nobody here has a GPU: /sys is a recorded machine's, whose GPU has the device number of /dev/zero.
Everybody can open that; a mapping of it is memory and no longer the device's.
"""
import json
import os
import pathlib
import shutil

import e2e
import machines

NV_GPU = os.environ.get("NV_GPU") or str(pathlib.Path(e2e.NV_RUN).with_name("nv-gpu"))
NODE = "/dev/dri/renderD128"

# In a mount namespace: the node, as anybody may open it; and then what is tried.
SETUP = """
mount -t tmpfs -o mode=755 none /dev/shm && mknod -m 666 /dev/shm/node c 1 5 || exit 77
exec python3 -c "$1" "$2" "$3"
"""

# What the tries share: hold() starts a program that says when it holds the node.
COMMON = """
import array, ctypes, json, os, signal, socket, subprocess, sys, threading, time
program, code = sys.argv[1:]
children = []

def start(code, *before, **more):
    child = subprocess.Popen([*before, sys.executable, "-c",
                              "import array, ctypes, os, socket, sys, threading, time\\n" + code],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **more)
    children.append(child)
    said = child.stdout.readline()
    if not said:
        sys.exit("the holder has failed")
    return child

HOLD = "fd = os.open('/dev/shm/node', os.O_RDWR)\\n"
READY = "print('ready', flush=True)\\ntime.sleep(600)\\n"

def ask(*words, **more):
    result = subprocess.run([program, *(words or ("ps", "--json"))], capture_output=True,
                            text=True, errors="surrogateescape", timeout=60, **more)
    if result.returncode:
        sys.exit(f"{words} ended with {result.returncode}: {result.stderr}")
    return result.stdout

def found():
    return json.loads(ask())

def tell(**what):
    print(json.dumps(what))

try:
    exec(code)
finally:
    for child in children:
        child.kill()
        child.wait()
"""


def attempt(code, program=NV_GPU):
    """What a piece of code tells that runs where the GPU's node is; it has COMMON's names."""
    if os.geteuid():
        raise e2e.tap.Skip("needs root, to make device nodes")
    with e2e.place() as place:
        root = machines.unpack(e2e.LAPTOP, place / "machine")
        e2e.write(root / "sys/class/drm/renderD128/dev", "1:5\n")
        copy = place / "nv-gpu"
        shutil.copy(program, copy)
        result = e2e.namespace(root, SETUP, COMMON, copy, code, timeout=240)
        if result.returncode == 77:
            raise e2e.tap.Skip("mount namespaces are not to be had")
        assert result.returncode == 0, result.stderr[-3000:]
        return json.loads(result.stdout)


def node_of(found, pid):
    """What the process with that number holds of the node; None if it is not listed."""
    for one in found["processes"]:
        if one["pid"] == pid:
            return [x for x in one["nodes"] if x["node"] == NODE][0]
    return None


def check(code, descriptors=1):
    """The process whose number the code tells as pid holds the node; others of its do not."""
    told = attempt(code)
    node = node_of(told["found"], told["pid"])
    assert node, told
    assert node["descriptors"] == descriptors, node
    for pid in told.get("not", []):
        assert node_of(told["found"], pid) is None, told
    return [x for x in told["found"]["processes"] if x["pid"] == told["pid"]][0]


def test_a_descriptor_is_found_by_its_device_number():
    one = check("""
child = start(HOLD + READY)
other = start("fd = os.open('/dev/null', os.O_RDWR)\\n" + READY)
tell(found=found(), pid=child.pid, **{"not": [other.pid]})
""")
    assert one["user"] == "root" and one["program"], one


def test_a_descriptor_of_a_deleted_node_is_found():
    check("""
child = start(HOLD + "os.unlink('/dev/shm/node')\\n" + READY)
tell(found=found(), pid=child.pid)
""")


def test_a_descriptor_opened_in_another_mount_namespace_is_found():
    check("""
child = start("os.mkdir('/dev/shm/x')\\n"
              "import subprocess\\n"
              "subprocess.run(['mount', '-t', 'tmpfs', 'none', '/dev/shm/x'], check=True)\\n"
              "subprocess.run(['mknod', '/dev/shm/x/other', 'c', '1', '5'], check=True)\\n"
              "fd = os.open('/dev/shm/x/other', os.O_RDWR)\\n" + READY, "unshare", "-m")
assert not os.path.exists("/dev/shm/x/other")
tell(found=found(), pid=child.pid)
""")


def test_a_descriptor_under_another_name_in_a_chroot_is_found():
    check("""
os.makedirs("/dev/shm/root/dev")
subprocess.run(["mknod", "/dev/shm/root/dev/strange", "c", "1", "5"], check=True)
child = start("os.chroot('/dev/shm/root')\\n"
              "fd = os.open('/dev/strange', os.O_RDWR)\\n" + READY)
tell(found=found(), pid=child.pid)
""")


def test_a_descriptor_passed_through_a_socket_is_found():
    check("""
ours, theirs = socket.socketpair()
child = start(f"s = socket.socket(fileno={theirs.fileno()})\\n"
              "print('up', flush=True)\\n"
              "message, data, *_ = s.recvmsg(1, 100)\\n"
              "fd = array.array('i', data[0][2])[0]\\n" + READY, pass_fds=[theirs.fileno()])
fd = os.open("/dev/shm/node", os.O_RDWR)
ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
os.close(fd)
child.stdout.readline()
tell(found=found(), pid=child.pid, **{"not": [os.getpid()]})
""")


def test_a_descriptor_opened_by_a_thread_is_found_once():
    one = check("""
child = start("threads = [threading.Thread(target=time.sleep, args=[600], daemon=True)"
              " for _ in range(5)]\\n"
              "def work():\\n"
              "    " + HOLD + "    print('ready', flush=True)\\n"
              "    time.sleep(600)\\n"
              "[x.start() for x in threads]\\n"
              "threading.Thread(target=work).start()\\n")
tell(found=found(), pid=child.pid)
""")
    assert len(one["nodes"]) == 1, one


# pthread_exit in the first thread leaves a zombie whose other threads go on. Not from Python's own
# threads, which would want to come back: the first one just leaves (exit is 60, on x86_64).
LEADERLESS = """
def work():
    HOLD
    print('ready', flush=True)
    time.sleep(600)
threading.Thread(target=work).start()
time.sleep(0.2)
ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)
"""


def test_a_process_whose_first_thread_has_ended_is_found():
    check(f"""
child = start({LEADERLESS!r}.replace("HOLD", HOLD.strip()))
while open(f"/proc/{{child.pid}}/stat").read().rsplit(")")[1].split()[0] != "Z":
    time.sleep(0.01)
tell(found=found(), pid=child.pid)
""")


def test_zombies_and_kernel_threads_are_no_holders_and_not_hidden():
    told = attempt("""
zombie = start(HOLD + "print('ready', flush=True)\\n")
os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
before = found()["hidden"]
more = [start(HOLD + "print('ready', flush=True)\\n") for _ in range(5)]
for child in more:
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
after = found()
tell(found=after, before=before, pid=zombie.pid)
""")
    assert node_of(told["found"], told["pid"]) is None, told
    assert told["found"]["hidden"] == told["before"], told


def test_names_that_would_disturb_a_terminal_are_shown_harmlessly():
    told = attempt(r"""
names = [b"a\nroot", b"\x1b[2Jx", b"\xc2\x9b2J", b"gr\xc3\xbc\xc3\x9fe", b"\xff\xfe", b"\xe2\x80\xaeabc",
         b"x) Z 1 2"]
pids = {}
for name in names:
    child = start(HOLD + f"ctypes.CDLL(None).prctl(15, {name!r}, 0, 0, 0)\n" + READY)
    pids[child.pid] = name.hex()
tell(found=found(), text=ask("ps"), pids=pids)
""")
    names = {x["pid"]: x["name"] for x in told["found"]["processes"]}
    for pid, name in told["pids"].items():
        assert names[int(pid)] == bytes.fromhex(name).decode(errors="replace"), names
    for line in told["text"].splitlines():
        assert line.isprintable() and "\u202e" not in line, repr(line)
    assert "grüße" in told["text"] and "a?root" in told["text"], told["text"]


# As cheap as processes can be: forked, and waiting for a signal. Every thousandth keeps the node;
# told to, it ends every second one of the others. They end with it.
SPAWNER = """
import ctypes, os, signal, sys
node = os.open("/dev/shm/node", os.O_RDWR)
there, here = os.pipe()
pids = []
for i in range(5000):
    pid = os.fork()
    if not pid:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        if i % 1000 != 999:
            os.close(node)
        os.write(here, b"x")
        while True:
            signal.pause()
    pids.append(pid)
os.close(node)
ready = 0
while ready < 5000:
    ready += len(os.read(there, 5000))
print(*pids, flush=True)
sys.stdin.readline()
for i, pid in enumerate(pids):
    if i % 2 and i % 1000 != 999:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
print("ended", flush=True)
sys.stdin.readline()
"""


def test_five_thousand_processes_some_ending_meanwhile():
    told = attempt(f"""
spawner = subprocess.Popen([sys.executable, "-c", {SPAWNER!r}], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, text=True)
pids = [int(x) for x in spawner.stdout.readline().split()]
spawner.stdin.write("end some\\n")
spawner.stdin.flush()
rounds = [found() for _ in range(5)]
spawner.stdout.readline()
rounds.append(found())
spawner.stdin.close()
spawner.wait()
tell(rounds=rounds, count=len(pids), holders=[x for i, x in enumerate(pids) if i % 1000 == 999])
""")
    assert told["count"] == 5000
    for found in told["rounds"]:
        held = [x["pid"] for x in found["processes"]]
        assert held == sorted(told["holders"]), (held, told["holders"])


def hidden(option):
    """What nobody is told under a mount of /proc with hidepid."""
    return attempt(f"""
child = start(HOLD + READY)
own = start(HOLD + READY, user=65534, group=65534, extra_groups=[])
subprocess.run(["mount", "-t", "proc", "-o", "{option}", "proc", "/proc"], check=True)
who = dict(user=65534, group=65534, extra_groups=[])
tell(found=json.loads(ask("ps", "--json", **who)), text=ask("ps", **who), root=found(),
     awake=ask("awake", "00:02", **who), pid=child.pid, own=own.pid)
""")


def test_hidepid_is_told_with_what_it_hides():
    for option in ("hidepid=1", "hidepid=2"):
        told = hidden(option)
        assert told["found"]["hidepid"] is True, told
        assert "hidden (hidepid); run it as root" in told["text"], told["text"]
        assert node_of(told["found"], told["pid"]) is None, told
        assert node_of(told["found"], told["own"]), told
        assert told["root"]["hidepid"] is False and node_of(told["root"], told["pid"]), told
        # Those that are shown but closed are counted; those that are not shown cannot be.
        assert (told["found"]["hidden"] > 0) is (option == "hidepid=1"), told["found"]


def test_without_hidepid_others_are_counted_as_not_inspected():
    told = hidden("hidepid=off")
    assert told["found"]["hidepid"] is False and told["found"]["hidden"] > 0, told["found"]
    assert "could not be inspected: permission denied" in told["text"], told["text"]
    assert "run it as root to see all" in told["text"], told["text"]
    assert node_of(told["found"], told["own"]), told
    # The GPU's only seen holder is one's own; who is not root is told that there may be others.
    assert "could not be inspected" in told["awake"], told["awake"]


def test_a_container_is_said_to_be_one():
    inside = ("import os, subprocess, sys; os.open('/dev/shm/node', os.O_RDWR); "
              "sys.exit(subprocess.run(sys.argv[1:]).returncode)")
    told = attempt(f"""
outside = start(HOLD + READY)
def contained(*words):
    return subprocess.run(["unshare", "-p", "-f", "-m", "--mount-proc", sys.executable, "-c",
                           {inside!r}, program, *words], capture_output=True, text=True,
                          check=True, timeout=60).stdout
tell(found=json.loads(contained("ps", "--json")), text=contained("ps"))
""")
    assert told["found"]["contained"] is True, told
    assert [x["pid"] for x in told["found"]["processes"]] == [1], told
    assert "Only the processes of this container are seen" in told["text"], told["text"]


# In a namespace of processes where every second child gets the same number again: a holder, and
# then one that holds nothing and has another name.
REUSE = """
import ctypes, json, os, subprocess, sys, time
def child(name, holds):
    with open("/proc/sys/kernel/ns_last_pid", "w") as last:
        last.write("4999")
    pid = os.fork()
    if not pid:
        ctypes.CDLL(None).prctl(15, name, 0, 0, 0)
        fd = os.open("/dev/shm/node", os.O_RDWR) if holds else None
        time.sleep(0.001)
        os._exit(0)
    os.waitpid(pid, 0)
    return pid
program, rounds = sys.argv[1], []
churn = os.fork()
if not churn:
    while True:
        child(b"holder", True)
        child(b"innocent", False)
for i in range(150):
    rounds.append(json.loads(subprocess.run([program, "ps", "--json"], capture_output=True,
                                            check=True, timeout=60).stdout))
os.kill(churn, 9)
json.dump({"rounds": rounds}, sys.stdout)
"""


def test_a_process_that_got_the_number_of_a_holder_is_not_taken_for_it():
    told = attempt(f"""
print(subprocess.run(["unshare", "-p", "-f", "-m", "--mount-proc", sys.executable, "-c",
                      {REUSE!r}, program], capture_output=True, text=True, check=True,
                     timeout=120).stdout)
""")
    names = [one["name"] for found in told["rounds"] for one in found["processes"]]
    assert "holder" in names, "no holder was ever met"
    assert "innocent" not in names, names


if __name__ == "__main__":
    e2e.tap.run(e2e.tests(globals()))
