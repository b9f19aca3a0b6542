"""SecretFlow's SPU: the whole ECDH PSI of two parties in one process, one core; a hash and two multiplications an id."""
import threading

import spu
from spu.libspu import link

import peer

COUNT = 4096


def party(rank, description, ids, failures):
    try:
        context = link.create_mem(description, rank)
        config = spu.psi.MemoryPsiConfig(psi_type=spu.psi.PsiType.Value("ECDH_PSI_2PC"), receiver_rank=0,
                                         broadcast_result=True, curve_type=spu.psi.CurveType.Value("CURVE_25519"))
        if len(spu.psi.mem_psi(context, config, ids)) != len(ids):
            raise ValueError("the intersection is not complete")
    except Exception as error:
        failures.append(error)


def both_parties():
    description = link.Desc()
    for rank in range(2):
        description.add_party(f"id_{rank}", f"thread_{rank}")
    ids = [str(13800000000 + i) for i in range(COUNT)]

    def work():
        failures = []
        threads = [threading.Thread(target=party, args=(rank, description, ids, failures)) for rank in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    return work, 2 * COUNT


peer.serve({"psi_curve25519": lambda: both_parties()})
