"""Consumers who influence each other, where theory knows what comes out.

Each tolerance is a number of standard errors that are either exact or estimated from independent
replicates, plus a bias that theory gives; none was set after a look at the result.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import sympy as sp
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from scipy.stats import binom, t

import pycore as pc

F64 = npt.NDArray[np.float64]


def bass(innovation: float, imitation: float, community: int | None = None) -> pc.Model:
    """Bass (1969): whoever has not adopted does so with chance p + q·(share of adopters)."""
    m = pc.Model("bass", period="month")
    if community:
        m.community(community)
    adopters = m.environment("adopters", scope="community" if community else "global")
    p, q = m.parameter("p", innovation), m.parameter("q", imitation)
    adopt = m.event("adopt", probability=p + q * adopters)
    owner = m.state("owner", carry=1, increment=adopt, high=1)
    m.update(adopters, target=pc.average(owner))
    return m


def bass_moments(p: float, q: float, size: int, periods: int) -> tuple[F64, F64]:
    """Mean and standard deviation of the share of adopters, to first order in 1/size.

    With f(F) = F + (p + qF)(1 − F): the mean-field path, its variance by linear noise, and the
    bias ½f''·variance that the curvature of f makes.
    """
    path, variance, bias = 0.0, 0.0, 0.0
    means, deviations = [], []
    for _ in range(periods):
        chance = p + q * path
        slope = 1 - p + q - 2 * q * path
        bias = slope * bias - q * variance
        variance = slope**2 * variance + (1 - path) * chance * (1 - chance) / size
        path += chance * (1 - path)
        means.append(path + bias)
        deviations.append(math.sqrt(variance))
    return np.array(means), np.array(deviations)


def test_bass_diffusion_of_one_society_follows_its_mean_field() -> None:
    """Exact standard deviations; 4 of them in 30 dependent periods: a chance below 0.2 %."""
    run = pc.simulate(bass(0.02, 0.35), consumers=100_000, periods=30, seed=11)
    mean, deviation = bass_moments(0.02, 0.35, 100_000, 30)
    assert (np.abs(run["adopters"].values[0, 0] - mean) < 4 * deviation).all()


def test_bass_diffusion_of_communities_has_the_bias_of_small_numbers() -> None:
    """The mean over 640 communities of 200; 32 batches give the error (4.8: t with 31, 0.1 %)."""
    run = pc.simulate(bass(0.02, 0.35, 200), consumers=128_000, periods=25, seed=12)
    mean, _ = bass_moments(0.02, 0.35, 200, 25)
    z = (run["adopters"] - mean) / run["adopters_mcse"]
    assert float(np.abs(z).max()) < 4.8
    # The bias is real: without it the comparison would fail.
    naive, _ = bass_moments(0.02, 0.35, 10**9, 25)
    assert float(np.abs((run["adopters"] - naive) / run["adopters_mcse"]).max()) > 4.8


def test_bass_diffusion_in_short_periods_solves_the_differential_equation() -> None:
    """The step of 1/10 month leaves an error of first order, known from the recursion."""

    def right(_time: float, share: F64) -> F64:
        return (0.03 + 0.38 * share) * (1 - share)

    times = np.arange(1, 16)
    exact = solve_ivp(right, (0, 15), [0.0], t_eval=times, rtol=1e-10, atol=1e-12).y[0]
    step = {k: bass_moments(0.03 / k, 0.38 / k, 10**12, 15 * k)[0][k - 1 :: k] for k in (10, 20)}
    error = np.abs(step[10] - exact)
    assert error.max() < 0.012
    assert 1.9 < error.max() / np.abs(step[20] - exact).max() < 2.1
    run = pc.simulate(bass(0.003, 0.038), consumers=50_000, periods=150, seed=13)
    deviation = bass_moments(0.003, 0.038, 50_000, 150)[1][9::10]
    shares = run["adopters"].values[0, 0, 9::10]
    assert (np.abs(shares - exact) < error + 4 * deviation).all()


def epidemic(transmission: float) -> pc.Model:
    """Reed and Frost on a network: whoever catches it tells each neighbour once, by chance."""
    m = pc.Model("rumour", period="day")
    told = m.environment("told", scope="neighbours")
    imported = m.lever("imported")
    ever = m.state("ever", high=1)
    along = 1 - sp.exp(m.parameter("log_silence", math.log1p(-transmission)) * told)
    catch = m.event("catch", probability=(1 - ever) * (imported + along))
    m.update(ever, carry=1, increment=catch)
    m.update(told, target=pc.total(catch))
    m.record(ever)
    return m


def final_sizes(transmission: float, degree: int, consumers: int, seeds: int) -> F64:
    """Share ever reached from 1 % at first, over networks and runs with seeds of their own."""
    first = {"first": {"imported": [0.01, *[0.0] * 59]}}
    return np.array([
        float(pc.simulate(
            epidemic(transmission), consumers=consumers, periods=60, seed=100 + k, scenarios=first,
            network=pc.Network.random(degree, seed=k),
        )["ever_mean"][0, 0, 0, -1])
        for k in range(seeds)
    ])  # fmt: skip


def test_a_rumour_on_a_random_graph_has_its_final_size() -> None:
    """Those never reached: s = 0.99·exp(−degree·T·(1 − s)), above and below the threshold.

    Eight networks each; t with 7 degrees of freedom at 0.1 %, and a bias of order 1/N.
    """
    for transmission in (0.1, 0.3):
        sizes = final_sizes(transmission, 6, 6000, 8)
        silent = brentq(
            lambda s, k=6 * transmission: s - 0.99 * math.exp(-k * (1 - s)), 1e-9, 1 - 1e-9
        )
        error = sizes.std(ddof=1) / math.sqrt(len(sizes))
        assert abs(sizes.mean() - (1 - silent)) < t.ppf(0.9995, 7) * error + 5 / 6000


def test_a_shop_sells_what_the_newsvendor_says() -> None:
    """Expected sales min(stock, demand) are exact sums over a binomial demand.

    The best stock is the quantile of demand at 1 − cost/price, and its profit is not beaten by
    any other stock beyond 4 paired errors.
    """
    m = pc.Model("shop", period="day")
    m.community(100)
    stock = m.lever("stock", 20, low=0, high=100)
    wants = m.event("wants", probability=m.parameter("demand", 0.2))
    m.environment("sold", target=sp.Min(stock, pc.total(wants)), scope="community")
    m.environment("unserved", target=sp.Max(0, pc.total(wants) - stock), scope="community")
    m.record(wants)
    levels = {f"s{s}": {"stock": float(s)} for s in range(16, 29)}
    run = pc.simulate(m, consumers=32_000, periods=6, seed=21, scenarios=levels)
    demand = np.arange(101)
    chance = binom.pmf(demand, 100, 0.2)
    for name, setting in levels.items():
        sold = float(np.minimum(demand, setting["stock"]) @ chance)
        here = run.sel(scenario=name)
        z = (here["sold"] - sold) / here["sold_mcse"]
        # 32 batches, 78 comparisons: t with 31 degrees of freedom at 10⁻⁵.
        assert float(np.abs(z).max()) < t.ppf(1 - 5e-6, 31)
        np.testing.assert_allclose(
            here["sold"] + here["unserved"], 100 * here["wants_rate"], atol=1e-4
        )
    price, cost = 5.0, 2.0
    best = f"s{int(binom.ppf(1 - cost / price, 100, 0.2))}"
    assert best == "s21"
    for name, setting in levels.items():
        if name == best:
            continue
        d = pc.compare(run, name, best)
        gain = price * d["sold"].mean() - cost * (setting["stock"] - levels[best]["stock"])
        error = price * float(np.sqrt((d["sold_mcse"] ** 2).sum())) / d.sizes["period"]
        assert float(gain) < 4 * error


def queue(servers: int, arrivals: float, service: float, clients: int) -> pc.Model:
    """M/M/c in steps: every client may arrive, server k works while more than k are here."""
    m = pc.Model("queue", period="step")
    place = m.trait("place", -1)
    m.segment("clients", clients, place=-1)
    for k in range(servers):
        m.segment(f"server_{k}", 1, place=k)
    here = m.environment("here")
    arrive = m.event("arrive", probability=pc.where(place < 0, arrivals / clients, 0))
    serve = m.event("serve", probability=pc.where(place < 0, 0, pc.where(here > place, service, 0)))
    m.update(here, target=here + pc.total(arrive) - pc.total(serve))
    m.record(arrive)
    return m


def waiting_in_steps(servers: int, arrivals: float, service: float, clients: int) -> float:
    """Stationary mean number waiting in the same chain, from its transition matrix."""
    most = 120
    arriving = binom.pmf(np.arange(clients + 1), clients, arrivals / clients)
    move = np.zeros((most, most))
    for n in range(most):
        busy = min(n, servers)
        change = np.convolve(arriving, binom.pmf(np.arange(busy + 1), busy, service)[::-1])
        goals = np.clip(np.arange(len(change)) + n - busy, 0, most - 1)
        np.add.at(move[n], goals, change)
    values, vectors = np.linalg.eig(move.T)
    stationary = np.real(vectors[:, np.argmax(np.real(values))])
    stationary /= stationary.sum()
    return float(np.maximum(np.arange(most) - servers, 0) @ stationary)


def erlang_waiting(servers: int, load: float) -> float:
    """Mean number waiting in M/M/c (Erlang C); divided by the rate of arrivals it is the wait."""
    terms = [load**k / math.factorial(k) for k in range(servers)]
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    return last / (sum(terms) + last) * load / (servers - load)


def test_a_queue_waits_as_erlang_says() -> None:
    """Two servers, load 1.4.  The step's bias is of first order; the run meets the chain in steps.

    Ten runs of 2 000 steps; t with 9 degrees of freedom at 0.1 %.
    """
    exact = erlang_waiting(2, 1.4)
    coarse, fine = (waiting_in_steps(2, 1.4 * h, h, 20) for h in (0.2, 0.1))
    assert abs(fine - exact) / exact < 0.12
    assert 1.6 < (coarse - exact) / (fine - exact) < 2.4
    means = []
    for seed in range(10):
        run = pc.simulate(queue(2, 0.28, 0.2, 20), consumers=22, periods=2000, seed=seed)
        here = run["here"].values[0, 0, 200:]
        assert here.min() >= 0
        means.append(float(np.maximum(here - 2, 0).mean()))
    error = np.std(means, ddof=1) / math.sqrt(len(means))
    assert abs(np.mean(means) - coarse) < t.ppf(0.9995, 9) * error


def test_retention_is_geometric_or_shifted_beta_geometric() -> None:
    """Fader and Hardie (2007): with chances drawn from Beta(1, 2), 2/(2 + t) are left."""
    m = pc.Model("retention")
    uniform = m.trait("uniform", pc.Uniform(0, 1))
    kind = m.trait("mixed", 0)
    m.segment("same", mixed=0)
    m.segment("mixed", mixed=1)
    quits = m.event("quits", probability=pc.where(kind > 0, 1 - sp.sqrt(uniform), 0.25))
    m.stage("customer", {"in": {"out": quits}}, absorbing="out")
    run = pc.simulate(m, consumers=200_000, periods=12, seed=31)
    left = 1 - run["share"].sel(stage="out", segment=["same", "mixed"]).values[0, 0]
    periods = np.arange(1, 13)
    for got, known in zip(left, (0.75**periods, 2 / (2 + periods)), strict=True):
        assert (np.abs(got - known) < 4 * np.sqrt(known * (1 - known) / 100_000)).all()


def test_competing_exits_share_out_by_their_chances() -> None:
    """First listed decides: of those who go, a : (1 − a)b."""
    m = pc.Model("exits")
    a, b = m.event("a", probability=0.06), m.event("b", probability=0.1)
    m.stage("customer", {"in": {"to_a": a, "to_b": b}}, absorbing=("to_a", "to_b"))
    run = pc.simulate(m, consumers=100_000, periods=60, seed=32)
    to_a, to_b = (float(run["consumers"].sel(stage=s)[0, 0, 0, -1]) for s in ("to_a", "to_b"))
    known = 0.06 / (0.06 + 0.94 * 0.1)
    gone = to_a + to_b
    assert abs(to_a / gone - known) < 4 * math.sqrt(known * (1 - known) / gone)
