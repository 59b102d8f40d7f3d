"""Queries, models and reports of a project."""

import json

import pytest

import squall


def test_tables_and_queries(con):
    assert {"ticks", "landed_ticks", "spike_training"} <= set(con.tables().df()["table_name"])
    queries = con.queries().df().set_index("name")
    assert queries.loc["spike_training", "kind"] == "query" and queries.loc["spike_logistic", "kind"] == "model"
    assert set(con.queries("+spike_training").df()["name"]) < set(queries.index)
    with pytest.raises(squall.Error, match="nothing_of_it"):
        con.queries("nothing_of_it")


def test_run(con):
    assert "fresh" in con.run("+spike_training")
    assert "whole" in con.run("spike_training", full=True)
    with pytest.raises(squall.Error):
        con.run("--full")


def test_models(con):
    before = con.models().df()
    assert {"naive_volatility", "spike_logistic"} == set(before["model"])
    said = con.train("spike_logistic")
    assert "spike_logistic version " in said and repr(said) == said.rstrip()
    assert len(con.models().fetchall()) == len(before) + 1
    metrics = con.metrics("spike_logistic").df().set_index("split")
    assert 0 <= metrics.loc["train", "average_precision"] <= 1
    scored = con.predict("spike_logistic", "SELECT * FROM spike_training WHERE split = 'train'")
    assert "score" in scored.columns and scored.df()["score"].between(0, 1).all()
    with pytest.raises(squall.Error, match="it's"):
        con.predict("it's", "spike_training")


def test_evaluate(con):
    said = con.evaluate()
    assert "avg prec" in said and "against the naive rule" in said


def test_reports(con, project):
    report = con.report("eval", model="spike_logistic")
    assert report.path == project / "reports" / "out" / "evaluation.html"
    assert "spike_logistic" in report.text and "<html" in report.html()
    assert report._repr_html_().startswith("<iframe sandbox=") and "<html" not in report._repr_html_()
    assert "spike_logistic" in report.json()["verdict"]
    elsewhere = con.report("quality", out="meine Seite ü.html")
    assert elsewhere.path == project / "meine Seite ü.html" and elsewhere.path.is_file()
    drift = con.report("drift", on="spike_training", early_late=0.4, test=["midprice=psi:0.2", "*=ks"])
    assert drift.json()["arguments"]
    with pytest.raises(squall.Error, match="no report is named"):
        con.report("nonsense")
    with pytest.raises(squall.Error, match="--nonsense"):
        con.report("eval", nonsense=1)


def test_check(con, tmp_path):
    assert [finding for finding in con.check() if finding["severity"] == "error"] == []
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "wrong.sql").write_text("SELECT 1 AS")
    (finding, *_) = squall.connect(tmp_path).check()
    assert finding["severity"] == "error" and finding["query"] == "wrong" and json.dumps(finding)
