/* A page of one run, which holds nothing of what chooses among several. */

class WhereError extends Error {}
const parseWhere = () => null;
const showTable = () => {};
const chooseColumns = () => {};
const keyInTable = () => false;
