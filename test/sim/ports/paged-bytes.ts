export const pageBytes = 4096;

/** The content of a file. What was never written reads as zero and takes no room. */
export class PagedBytes {
  readonly #pages = new Map<number, Uint8Array>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Pages that take room. */
  get pageCount(): number {
    return this.#pages.size;
  }

  /** How many of these bytes fit when so many new pages may be taken. */
  fitting(length: number, position: number, newPages: number): number {
    let left = newPages;
    for (let done = 0; done < length; ) {
      const page = Math.floor((position + done) / pageBytes);
      if (!this.#pages.has(page) && left-- <= 0) return done;
      done = (page + 1) * pageBytes - position;
    }
    return length;
  }

  read(into: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(into.length, this.#size - position));
    eachPage(position, length, (page, start, end, done) => {
      const content = this.#pages.get(page);
      if (content === undefined) into.fill(0, done, done + end - start);
      else into.set(content.subarray(start, end), done);
    });
    return length;
  }

  write(bytes: Uint8Array, position: number): void {
    eachPage(position, bytes.length, (page, start, end, done) => {
      const content = this.#pages.get(page) ?? new Uint8Array(pageBytes);
      this.#pages.set(page, content);
      content.set(bytes.subarray(done, done + end - start), start);
    });
    this.#size = Math.max(this.#size, position + bytes.length);
  }

  truncate(size: number): void {
    if (size < this.#size) {
      const lastPage = Math.floor(size / pageBytes);
      for (const page of this.#pages.keys()) if (page > lastPage) this.#pages.delete(page);
      this.#pages.get(lastPage)?.fill(0, size % pageBytes);
    }
    this.#size = size;
  }

  flipBit(position: number, bit: number): void {
    const content = this.#pages.get(Math.floor(position / pageBytes));
    const index = position % pageBytes;
    if (content !== undefined) content[index] = (content[index] ?? 0) ^ (1 << bit);
  }

  clone(): PagedBytes {
    const copy = new PagedBytes();
    for (const [page, content] of this.#pages) copy.#pages.set(page, content.slice());
    copy.#size = this.#size;
    return copy;
  }
}

function eachPage(
  position: number,
  length: number,
  visit: (page: number, start: number, end: number, done: number) => void,
): void {
  for (let done = 0; done < length; ) {
    const page = Math.floor((position + done) / pageBytes);
    const start = (position + done) % pageBytes;
    const end = Math.min(pageBytes, start + length - done);
    visit(page, start, end, done);
    done += end - start;
  }
}
