"""Slurm with several nodes on one host, for tests: munged, slurmctld and a slurmd for each node, without systemd and
control groups, as any user (Debian: slurmctld slurmd slurm-client munge, libpmi2-0 for srun --mpi=pmi2).

All state lies in one folder. What was started is ended by its process id, and the start time that goes with it."""
import getpass
import os
import random
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = ("munged", "munge", "slurmctld", "slurmd", "sinfo", "sbatch", "srun", "scontrol", "squeue", "scancel")
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
UP_S = 60  # in which everything has come up


def missing():
    """Programs that are not here."""
    return [p for p in PROGRAMS if not shutil.which(p, path=PATH)]


def stat_of(pid):
    """State and start time of a process; None: there is none."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return fields[0], fields[19]
    except OSError:
        return None


def environ_of(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as f:
            return dict(e.split(b"=", 1) for e in f.read().split(b"\0") if b"=" in e)
    except OSError:
        return {}


def wait_for(test, seconds):
    end = time.time() + seconds
    while time.time() < end:
        if test():
            return True
        time.sleep(0.1)
    return False


def free_ports(count):
    """First of so many free ports that follow each other, below those of outgoing connections."""
    for _ in range(50):
        first, held = random.randrange(17000, 30000), []
        try:
            for i in range(count):
                held.append(socket.socket())
                held[-1].bind(("127.0.0.1", first + i))
            return first
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    raise RuntimeError("no free ports")


class Cluster:
    """Nodes n1, n2, ... Use it as a context."""

    def __init__(self, folder, nodes=3, cpus=4):
        self.folder = os.path.abspath(folder)
        self.nodes = [f"n{i + 1}" for i in range(nodes)]
        self.cpus = cpus
        self.started = {}  # name: process id and start time
        self.env = dict(os.environ, PATH=PATH, SLURM_CONF=os.path.join(self.folder, "slurm.conf"))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    # --- beginning and end ---

    def write_settings(self):
        host, port = socket.gethostname().split(".")[0], free_ports(len(self.nodes) + 1)
        with open(os.path.join(HERE, "slurm.conf.in")) as f:
            text = f.read()
        for key, value in (("DIR", self.folder), ("USER", getpass.getuser()), ("HOST", host), ("PORT", str(port))):
            text = text.replace(f"@{key}@", value)
        for i, node in enumerate(self.nodes):
            text += (f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port + 1 + i} CPUs={self.cpus} "
                     f"RealMemory=1000 State=UNKNOWN\n")
        text += f"PartitionName=main Nodes={','.join(self.nodes)} Default=YES MaxTime=INFINITE State=UP\n"
        with open(self.path("slurm.conf"), "w") as f:
            f.write(text)
        # Slurm 23.11 and later start a plugin of control groups whatever the settings say
        version = subprocess.run(["slurmctld", "-V"], env=self.env, capture_output=True, text=True, check=True).stdout
        if tuple(int(v) for v in version.split()[1].split(".")[:2]) >= (23, 11):
            with open(self.path("cgroup.conf"), "w") as f:
                f.write("CgroupPlugin=disabled\n")

    def start(self, name, *command):
        """In a session of its own."""
        with open(self.path("log", name + ".out"), "ab") as log:
            child = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     start_new_session=True)
        self.started[name] = (child, (stat_of(child.pid) or "?0")[1])

    def start_node(self, node):
        self.start(node, "slurmd", "-D", "-N", node, "-f", self.path("slurm.conf"))

    def state(self, node):
        return self.run("sinfo", "-h", "-n", node, "-o", "%t").stdout.strip()

    def __enter__(self):
        # munged wants every folder above its socket open to all
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        for name in ("run", "log", "state", "munge", *(f"{d}/{n}" for d in ("spool", "tmp") for n in self.nodes)):
            os.makedirs(self.path(name))
        os.chmod(self.path("munge"), 0o700)
        with open(os.open(self.path("munge", "key"), os.O_WRONLY | os.O_CREAT, 0o400), "wb") as f:
            f.write(os.urandom(1024))
        self.write_settings()
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def begin(self):
        socket_path = self.path("munge.sock")
        self.start("munged", "munged", "-F", "--force", "-S", socket_path, "--key-file", self.path("munge", "key"),
                   "--pid-file", self.path("munge", "pid"), "--log-file", self.path("munge", "log"), "--seed-file",
                   self.path("munge", "seed"))
        if not wait_for(lambda: os.path.exists(socket_path) and
                        self.run("munge", "-n", "-S", socket_path).returncode == 0, UP_S):
            raise RuntimeError("munged did not come up:\n" + self.log("munged.out"))
        self.start("slurmctld", "slurmctld", "-D", "-f", self.path("slurm.conf"))
        for node in self.nodes:
            self.start_node(node)
        if not wait_for(lambda: all(self.state(n) == "idle" for n in self.nodes), UP_S):
            raise RuntimeError("the nodes did not come up:\n" + self.log("slurmctld.log"))

    def __exit__(self, *_):
        # jobs first: a slurmd that ends leaves them running
        self.run("scancel", "-u", getpass.getuser())
        wait_for(lambda: not self.queue(), 10)
        for name in reversed(list(self.started)):
            self.end(name, signal.SIGTERM)
        for node in self.nodes:
            self.kill_steps(node)

    def end(self, name, number):
        """Ends what was started under that name, and waits for it."""
        child, start = self.started.pop(name)
        found = stat_of(child.pid)
        if child.poll() is None and found and found[1] == start:
            child.send_signal(number)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    # --- what goes wrong ---

    def lose_daemon(self, node):
        """The slurmd alone: its jobs run on unseen, while Slurm starts them again elsewhere."""
        self.end(node, signal.SIGKILL)

    def cut_power(self, node):
        self.lose_daemon(node)
        self.kill_steps(node)
        # as where both lie in memory: what Slurm's pmix left there (22.05) a step of the same number, which a
        # job that is queued again has, would stumble over
        for name in ("spool", "tmp"):
            shutil.rmtree(self.path(name, node))
            os.makedirs(self.path(name, node))

    def processes(self, node, word=""):
        """Of jobs of a node, whose program's path ends with the word."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            env, stat = environ_of(pid), stat_of(pid)
            if (env.get(b"SLURM_CONF", b"").decode() != self.env["SLURM_CONF"] or not stat or stat[0] == "Z" or
                    env.get(b"SLURMD_NODENAME", b"").decode() != node):
                continue
            try:
                if os.readlink(f"/proc/{pid}/exe").endswith(word):
                    found.append(int(pid))
            except OSError:
                continue
        return found

    def kill_steps(self, node):
        for _ in range(2):  # twice, for children that were forked meanwhile
            for pid in self.processes(node):
                try:
                    with open(f"/proc/{pid}/stat") as f:
                        parent = int(f.read().rsplit(")", 1)[1].split()[1])
                    with open(f"/proc/{parent}/comm") as f:
                        if f.read().strip() == "slurmstepd":
                            os.kill(parent, signal.SIGKILL)
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    continue

    def mark_down(self, node):
        """What Slurm does by itself some time after it has lost a node."""
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")

    # --- commands ---

    def run(self, *command, timeout=30, **more):
        """A command of Slurm's; one that hangs counts as failed."""
        try:
            return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=timeout,
                                  stdin=subprocess.DEVNULL, **more)
        except subprocess.TimeoutExpired as e:
            return subprocess.CompletedProcess(command, 124, "", f"{e}")

    def queue(self, *flags):
        """Jobs that are queued or run: (name as scancel takes it, state, node)."""
        lines = self.run("squeue", "-h", "-r", "-o", "%i %T %N", *flags).stdout.splitlines()
        return [tuple((line + " ").split(" ")[:3]) for line in lines]

    def submit(self, script, folder, *flags):
        """The job's number."""
        path = os.path.join(folder, "job.sh")
        with open(path, "w") as f:
            f.write(script)
        done = self.run("sbatch", "--parsable", "--output", os.path.join(folder, "job-%A_%a.out"), *flags, path,
                        cwd=folder)
        if done.returncode:
            raise RuntimeError(f"sbatch: {done.stderr}")
        return done.stdout.strip()

    def log(self, name):
        with open(self.path("log", name), errors="replace") as f:
            return f.read()[-3000:]
