/* A page of one run, or of none, which holds nothing of what chooses among several. */

class WhereError extends Error {}
const parseWhere = () => null;
const showTable = () => ($("none").hidden = runs.length > 0);
const chooseColumns = () => {};
const keyInTable = () => false;
