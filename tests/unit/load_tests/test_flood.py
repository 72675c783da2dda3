"""A flood of requests to be scored."""

from pathlib import Path

import pytest

from gateway.adapters.encoder_model import encode_rows
from gateway.adapters.encoder_session import CPU, EncoderSession
from gateway.core.wordpiece import WordPieces
from load_tests.__main__ import main
from load_tests.stand_in_encoder import vocabulary, write_stand_in
from tests.support.encoder_folders import artefact_with_encoder


def test_every_request_has_an_outcome_with_either_encoder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    artefact_with_encoder(tmp_path)
    assert main(["flood", "--requests", "40", "--rounds", "1", "--artefact", str(tmp_path)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told[2:5]] == ["none", "cpu", "slow"]
    assert all(line.endswith("= 40") for line in told[2:5])
    assert "abstain 40" in told[2], "nothing scores the first crowd"


def test_the_stand_in_answers_as_an_encoder_does(tmp_path: Path) -> None:
    write_stand_in(tmp_path / "model.onnx", 8)
    session = EncoderSession(tmp_path / "model.onnx", CPU, width=8)
    pieces = WordPieces(vocabulary())
    found = encode_rows(session, [[pieces.first, *pieces.ids("abc def"), pieces.last]] * 2, pieces.padding)
    assert [len(each.latent) for each in found] == [8, 8]
