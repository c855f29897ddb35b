/* How search results are put in order: what has the words of the query in its title comes first, and pages before names. */
const asked = (new URLSearchParams(window.location.search).get("q") || "").toLowerCase().match(/[\w-]{2,}/g) || [];

var Scorer = {
  score: ([page, title, anchor, , score, , kind]) => {
    const words = title.toLowerCase().match(/[\w-]+/g) || [];
    const met = asked.filter((each) => words.some((word) => word.startsWith(each.replace(/s$/, "")))).length;
    const isWhole = asked.length > 0 && met === asked.length;
    if (kind === "object") return score / 10 + (isWhole ? 5 : 0);
    return score + 8 * met + (isWhole ? 30 : 0) + (anchor ? -3 : 0) + (/^(how-to|tutorial)/.test(page) ? 4 : 0);
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
