"""What the rollsite benchmark does when something fails: one figure is lost, never the others."""
import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import report  # noqa: E402
import rollsite  # noqa: E402
from rollsite_load.measure import alternate  # noqa: E402
from rollsite_load.proxies import Chain, Nginx  # noqa: E402


def a_bench():
    bench = rollsite.Bench.__new__(rollsite.Bench)
    bench.figures, bench.failed, bench.quick = [], {}, True
    bench.revive = lambda: None
    return bench


def run_main(**steps):
    """main() with steps that are replaced: (exit code, what was printed, the figures written)."""
    bench = a_bench()
    for name, step in steps.items():
        setattr(bench, name, step)
    out = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        for patch in (mock.patch.object(report, "OUT", pathlib.Path(folder)), mock.patch.object(rollsite.subprocess, "run"),
                      mock.patch.object(rollsite, "Bench", lambda *_: bench),
                      mock.patch.object(sys, "argv", ["rollsite.py", "--steps", ",".join(steps)]),
                      contextlib.redirect_stdout(out), contextlib.redirect_stderr(out)):
            stack.enter_context(patch)
        code = None
        try:
            rollsite.main()
        except SystemExit as end:
            code = end.code
        figures = {f["name"]: f for f in json.loads((pathlib.Path(folder) / "rollsite_steps.json").read_text())}
        plotted = (pathlib.Path(folder) / "rollsite_steps.svg").read_text()
    return code, out.getvalue(), figures, plotted


class Failures(unittest.TestCase):
    def test_a_step_that_throws_is_named_and_the_others_are_written(self):
        for error in (RuntimeError("no route"), KeyError("seconds"), OSError("no such process")):
            def queues(error=error):
                raise error

            code, text, figures, _ = run_main(queues=queues)
            self.assertEqual(code, 1)
            self.assertIn("FAILED: step queues: " + type(error).__name__, text)
            self.assertIsNone(figures["queue_1mb"]["value"])
            self.assertIn(str(error), figures["queue_1k_1000_topics"]["note"])

    def test_the_steps_after_one_that_throws_are_measured(self):
        bench = a_bench()
        measured = report.figure("start", 12.0, "ms", "lower", 100.0)
        bench.queues = mock.Mock(side_effect=RuntimeError("no route"))
        bench.start = lambda: bench.figures.append(measured)
        with contextlib.redirect_stderr(io.StringIO()):
            bench.run(["queues", "start"])
        self.assertEqual(list(bench.failed), ["queues"])
        self.assertEqual(bench.figures[-1], measured)

    def test_a_figure_measured_before_the_step_failed_is_kept(self):
        bench = a_bench()

        def queues():
            bench.figures.append(report.figure("queue_1mb", 1.0, "GB/CPU-s", "higher", 0.6))
            raise RuntimeError("the second part")

        bench.queues = queues
        with contextlib.redirect_stderr(io.StringIO()):
            bench.run(["queues"])
        self.assertEqual([(f["name"], f["value"]) for f in bench.figures], [("queue_1mb", 1.0), ("queue_1k_1000_topics", None)])

    def test_a_run_without_failures_ends_well(self):
        code, _, figures, plotted = run_main(start=lambda: None)
        self.assertEqual((code, figures), (0, {}))
        self.assertIn("</svg>", plotted)

    def test_a_peer_that_fails_is_missing_alone_and_ours_is_not_forgiven(self):
        nginx = Nginx.__new__(Nginx)
        chain = Chain.__new__(Chain)
        chain.exchange = nginx

        def fails(of):
            def measure(proxy):
                if proxy is of:
                    raise RuntimeError("refused")
                return {"value": 2.0}
            return measure

        with contextlib.redirect_stderr(io.StringIO()):
            for peer in (nginx, chain):
                runs = alternate(2, {"rollsite": "ours", "nginx": peer}, fails(peer))
                self.assertEqual(runs, {"rollsite": {"value": 2.0}, "nginx": None})
        with self.assertRaises(RuntimeError):
            alternate(1, {"rollsite": "ours", "nginx": nginx}, fails("ours"))

    def test_every_step_exists_and_every_figure_has_one_step(self):
        names = [name for step in rollsite.STEPS.values() for name in step]
        self.assertEqual(len(names), len(set(names)))
        for step in rollsite.STEPS:
            self.assertTrue(callable(getattr(rollsite.Bench, step)), step)


if __name__ == "__main__":
    unittest.main()
