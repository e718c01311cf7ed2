// PNG files written by pngjs (npm, MIT), with each filter and each colour type it can write: run as `npm install pngjs && node make.mjs`.
// The sample of channel c at column x of row y is (x * 7 + y * 13 + c * 50 + x * y) & 255, that of channel 0 in grey files.
import { PNG } from 'pngjs';
import { writeFileSync } from 'node:fs';

const [width, height] = [13, 9];
const write = (name, options) => {
  const image = new PNG({ width, height });
  const isGrey = options.colorType % 4 === 0;
  const hasAlpha = options.colorType >= 4;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x);
      for (let c = 0; c < 3; c++)
        image.data[at + c] = (x * 7 + y * 13 + (isGrey ? 0 : c * 50) + x * y) & 255;
      image.data[at + 3] = hasAlpha ? (x * 40 + y * 90) & 255 : 255;
    }
  writeFileSync(new URL(name + '.png', import.meta.url), PNG.sync.write(image, { ...options, inputHasAlpha: true }));
};
for (let filterType = 0; filterType < 5; filterType++)
  write('rgb-filter' + filterType, { colorType: 2, filterType });
write('grey', { colorType: 0, filterType: 4 });
write('grey-alpha', { colorType: 4, filterType: 3 });
write('rgb-alpha', { colorType: 6, filterType: 4 });
