// Turns a Quint specification, as `quint compile --target json` gives it, into JavaScript: an expression becomes an
// expression; an action becomes a function that calls `next` for each way in which it can happen, with the new values of
// the variables in `after`. The operators are those that docs/model/replication.qnt uses; others are refused by name.

/** The part of Quint's intermediate representation that is read here. */
export type Expression =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'bool' | 'str'; readonly value: boolean | string }
  | { readonly kind: 'int'; readonly value: number | string }
  | { readonly kind: 'app'; readonly opcode: string; readonly args: readonly Expression[] }
  | {
      readonly kind: 'lambda';
      readonly params: readonly { readonly name: string }[];
      readonly expr: Expression;
    }
  | { readonly kind: 'let'; readonly opdef: Definition; readonly expr: Expression };

export interface Definition {
  readonly kind: 'def';
  readonly name: string;
  readonly qualifier: string;
  readonly expr: Expression;
}

export type Declaration =
  | Definition
  | { readonly kind: 'var'; readonly name: string }
  | { readonly kind: 'other' };

export interface Translated {
  readonly source: string;
  readonly variables: readonly string[];
}

/**
 * The source of a function body over the names of `operators.ts` (as `q`) and `order`, which says in which order `n`
 * alternatives are tried. It returns `{ init, step, holds }`.
 */
export function translate(
  declarations: readonly Declaration[],
  names: { readonly init: string; readonly step: string; readonly invariants: readonly string[] },
): Translated {
  const translation = new Translation(declarations);
  return { source: translation.source(names), variables: translation.variables };
}

class Translation {
  readonly variables: readonly string[];
  readonly #definitions: ReadonlyMap<string, Definition>;

  constructor(declarations: readonly Declaration[]) {
    this.variables = declarations.flatMap((each) => (each.kind === 'var' ? [each.name] : []));
    this.#definitions = new Map(
      declarations.flatMap((each) => (each.kind === 'def' ? [[each.name, each]] : [])),
    );
  }

  source(names: {
    readonly init: string;
    readonly step: string;
    readonly invariants: readonly string[];
  }): string {
    const lines = [
      '"use strict";',
      'let before = [], after = [], label = "";',
      ...[...this.#definitions.values()].map((definition) => this.#define(definition)),
    ];
    const find = (short: string): string => {
      const full = [...this.#definitions.keys()].find((name) => shortName(name) === short);
      if (full === undefined) throw new Error(`the model has no definition ${short}`);
      return identifier(full);
    };
    const run = (name: string) =>
      `(state, visit) => { before = state; after = new Array(${this.variables.length}); return ${name}(() => visit(after.slice(), label)); }`;
    const invariants = names.invariants.map(
      (name) => `[${JSON.stringify(name)}, () => ${find(name)}]`,
    );
    lines.push(
      `const invariants = [${invariants.map((each) => each.replace(/=> (\w+)\]/, '=> $1()]')).join(', ')}];`,
      `return { init: ${run(find(names.init))}, step: ${run(find(names.step))},`,
      // It is asked in the middle of a step.
      '  violated: (state) => { const during = before; before = state; const found = invariants.find(([, holds]) => !holds()); before = during; return found?.[0]; } };',
    );
    return lines.join('\n');
  }

  /** Definitions without parameters are functions too, since most of them read variables; constants are kept. */
  #define({ name, qualifier, expr }: Definition): string {
    const parameters =
      expr.kind === 'lambda' ? expr.params.map((each) => identifier(each.name)) : [];
    const body = expr.kind === 'lambda' ? expr.expr : expr;
    if (qualifier === 'action') {
      return `function ${identifier(name)}(${[...parameters, 'next'].join(', ')}) { ${this.#action(body)} }`;
    }
    const constant =
      parameters.length === 0 &&
      (qualifier === 'pureval' || (body.kind === 'app' && body.opcode === 'variant'));
    if (constant) {
      return `const ${identifier(name)}$ = ${this.#pure(body)}; const ${identifier(name)} = () => ${identifier(name)}$;`;
    }
    return `function ${identifier(name)}(${parameters.join(', ')}) { return ${this.#pure(body)}; }`;
  }

  /** Statements that return true when `next` said that it has enough. */
  #action(e: Expression): string {
    if (e.kind === 'let') {
      const name = identifier(e.opdef.name);
      if (e.opdef.qualifier === 'nondet') {
        const { expr } = e.opdef;
        if (expr.kind !== 'app' || expr.opcode !== 'oneOf') throw new Error('nondet without oneOf');
        const [set] = expr.args.map((each) => this.#pure(each));
        return `const ${name}s = ${set}.items; const outer = label; for (const at of order(${name}s.length)) { label = outer; const ${name} = ${name}s[at]; if ((() => { ${this.#action(e.expr)} })()) return true; } return false;`;
      }
      return `${this.#local(e.opdef)} ${this.#action(e.expr)}`;
    }
    if (e.kind === 'app') {
      const definition = this.#definitions.get(e.opcode);
      switch (e.opcode) {
        case 'actionAll':
          return this.#all(e.args);
        case 'actionAny':
          return this.#any(e.args);
        case 'assign': {
          const [variable, value] = e.args;
          if (variable?.kind !== 'name' || value === undefined) throw new Error('assign');
          return `after[${this.variables.indexOf(variable.name)}] = ${this.#pure(value)}; return next();`;
        }
        case 'ite': {
          const [condition, yes, no] = e.args;
          if (condition === undefined || yes === undefined || no === undefined)
            throw new Error('ite');
          if (!this.#acts(yes)) break;
          return `if (${this.#pure(condition)}) { ${this.#action(yes)} } else { ${this.#action(no)} }`;
        }
        default:
          if (definition?.qualifier === 'action') return this.#call(e.opcode, e.args);
      }
    }
    if (e.kind === 'name' && this.#definitions.get(e.name)?.qualifier === 'action') {
      return this.#call(e.name, []);
    }
    return `return ${this.#pure(e)} ? next() : false;`;
  }

  #call(name: string, args: readonly Expression[]): string {
    const shown = args.map((each) => `q.show(${this.#pure(each)})`).join(', ');
    return `label ||= ${JSON.stringify(shortName(name))} + "(" + [${shown}].join(", ") + ")"; return ${identifier(name)}(${[...args.map((each) => this.#pure(each)), 'next'].join(', ')});`;
  }

  #all([head, ...rest]: readonly Expression[]): string {
    if (head === undefined) return 'return next();';
    if (!this.#acts(head)) {
      return `if (!(${this.#pure(head)})) return false; ${this.#all(rest)}`;
    }
    if (rest.length === 0) return this.#action(head);
    return `return ((next) => { ${this.#action(head)} })(() => { ${this.#all(rest)} });`;
  }

  #any(args: readonly Expression[]): string {
    const alternatives = args.map((each) => {
      return `() => { label = ""; ${this.#action(each)} }`;
    });
    return `const ways = [${alternatives.join(', ')}]; for (const at of order(ways.length)) if (ways[at]()) return true; return false;`;
  }

  #acts(e: Expression): boolean {
    switch (e.kind) {
      case 'let':
        return e.opdef.qualifier === 'nondet' || this.#acts(e.expr);
      case 'name':
        return this.#definitions.get(e.name)?.qualifier === 'action';
      case 'app':
        return (
          ['actionAll', 'actionAny', 'assign'].includes(e.opcode) ||
          this.#definitions.get(e.opcode)?.qualifier === 'action' ||
          (e.opcode === 'ite' && e.args.slice(1).some((each) => this.#acts(each)))
        );
      default:
        return false;
    }
  }

  #local({ name, expr }: Definition): string {
    return `const ${identifier(name)} = ${this.#pure(expr)};`;
  }

  #pure(e: Expression): string {
    switch (e.kind) {
      case 'bool':
      case 'int':
        return String(e.value);
      case 'str':
        return JSON.stringify(e.value);
      case 'name': {
        const variable = this.variables.indexOf(e.name);
        if (variable >= 0) return `before[${variable}]`;
        const definition = this.#definitions.get(e.name);
        if (definition === undefined) return identifier(e.name);
        return definition.expr.kind === 'lambda' ? identifier(e.name) : `${identifier(e.name)}()`;
      }
      case 'lambda':
        return `((${e.params.map((each) => (each.name === '_' ? '_' : identifier(each.name))).join(', ')}) => ${this.#pure(e.expr)})`;
      case 'let':
        return `(() => { ${this.#local(e.opdef)} return ${this.#pure(e.expr)}; })()`;
      case 'app':
        return this.#operator(e.opcode, e.args);
    }
  }

  #operator(opcode: string, args: readonly Expression[]): string {
    const [a, b, c] = args;
    const infix = infixes[opcode];
    if (infix !== undefined) return `(${args.map((each) => this.#pure(each)).join(infix)})`;
    if (opcode === 'ite' && a !== undefined && b !== undefined && c !== undefined) {
      return `(${this.#pure(a)} ? ${this.#pure(b)} : ${this.#pure(c)})`;
    }
    if (opcode === 'field' && a !== undefined && b?.kind === 'str') {
      return `${this.#pure(a)}.fields.${b.value}`;
    }
    const list = args.map((each) => this.#pure(each)).join(', ');
    if (opcode.includes('::')) return `${identifier(opcode)}(${list})`;
    return `q.${opcode}(${list})`;
  }
}

const infixes: Readonly<Record<string, string>> = {
  and: ' && ',
  or: ' || ',
  ilt: ' < ',
  igt: ' > ',
  ilte: ' <= ',
  igte: ' >= ',
  iadd: ' + ',
  isub: ' - ',
};

function shortName(name: string): string {
  return name.slice(name.lastIndexOf(':') + 1);
}

function identifier(name: string): string {
  return `_${name.replace(/\W/g, '_')}`;
}
