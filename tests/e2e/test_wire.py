"""What crosses between the rollsites during a toy parses as the messages of spec/rollsite.md 2."""
import json
import pathlib
import select
import socket
import subprocess
import threading
import unittest

from party import BIN, Federation

WIRE_DUMP = BIN.parent / "tests/wire_dump"


class Tap:
    """A TCP relay that keeps what the connecting side sent."""

    def __init__(self, address, target):
        self.listener = socket.create_server((address, 0))
        self.port = self.listener.getsockname()[1]
        self.target = target
        self.captures = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            capture = bytearray()
            self.captures.append(capture)
            threading.Thread(target=self.relay, args=(client, capture), daemon=True).start()

    def relay(self, client, capture):
        with client, socket.create_connection(self.target) as server:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    try:
                        data = source.recv(1 << 20)
                    except OSError:
                        return
                    if not data:
                        return
                    if source is client:
                        capture.extend(data)
                        server.sendall(data)
                    else:
                        client.sendall(data)

    def close(self):
        self.listener.close()


class Wire(unittest.TestCase):
    def test_toy_traffic_parses_and_carries_the_shares(self):
        federation = Federation({"9999": 2, "10000": 2})
        self.addCleanup(federation.stop)
        guest, host = federation["9999"], federation["10000"]
        taps = {}
        for here, there in ((guest, host), (host, guest)):
            tap = taps[here.id] = Tap(here.address, (there.address, 9370))
            self.addCleanup(tap.close)
            path = here.folder / "conf/route_table.json"
            table = json.loads(path.read_text())
            table["route_table"][there.id]["default"][0].update(ip=here.address, port=tap.port)
            path.write_text(json.dumps(table))
        federation.start()
        result = guest.toy("10000", "--partitions", "3")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        guest_sent, host_sent = self.decode(federation.folder, taps["9999"]), self.decode(federation.folder, taps["10000"])
        self.assert_shares(guest_sent, "guest_share", "guest", "9999", "host", "10000")
        self.assert_shares(host_sent, "host_share", "host", "10000", "guest", "9999")
        self.assertIn("host_sum", self.names(host_sent))
        calls = {line["first"]["body"]["key"] for line in guest_sent if line["path"].endswith("/unaryCall")}
        self.assertIn("/v2/partner/job/create", calls)
        self.assertIn("/v2/partner/task/start", calls)

    def decode(self, folder, tap):
        lines = []
        for i, capture in enumerate(tap.captures):
            if not capture:
                continue
            path = pathlib.Path(folder) / f"capture{i}"
            path.write_bytes(bytes(capture))
            dump = subprocess.run([str(WIRE_DUMP), str(path)], capture_output=True, text=True)
            self.assertEqual(dump.returncode, 0, dump.stderr)
            lines += [json.loads(line) for line in dump.stdout.splitlines()]
        return lines

    def names(self, lines):
        return {line["roll_site_header"]["name"] for line in lines if line.get("roll_site_header")}

    def assert_shares(self, lines, name, src_role, src_party, dst_role, dst_party):
        pushes = [line["roll_site_header"] for line in lines
                  if line["path"].endswith("DataTransferService/push")
                  and line.get("roll_site_header") and line["roll_site_header"]["name"] == name]
        self.assertEqual({header.get("partitionId", 0) for header in pushes}, {0, 1, 2})
        for header in pushes:
            self.assertEqual((header["srcRole"], header["srcPartyId"], header["dstRole"], header["dstPartyId"]),
                             (src_role, src_party, dst_role, dst_party))
            self.assertEqual(header["totalPartitions"], 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
