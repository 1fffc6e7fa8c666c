// The first layers of a VGG, forward and backward. Channels are last: the number of row r, column c
// and channel k of an array with C channels and W columns is at (r W + c) C + k.

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), function (letter) { return letter.charCodeAt(0); });
}

// Half precision, little end first: a sign, five bits of exponent, ten of fraction.
function fromHalf(bytes) {
  return Float32Array.from({ length: bytes.length / 2 }, function (_, i) {
    var bits = bytes[2 * i] | bytes[2 * i + 1] << 8;
    var sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
    return sign * (exponent ? Math.pow(2, exponent - 25) * (1024 + fraction) : Math.pow(2, -24) * fraction);
  });
}

// The network of a page: layer 0 is x, the picture as the network reads it. Each layer has its
// numbers `a` and the gradient of J with respect to them, `g`.
function makeNet(data) {
  var layers = [layerOf({ name: "x", kind: "input" }, data.height, data.width, 3)];
  data.layers.forEach(function (given) {
    var below = layers[layers.length - 1], halved = given.kind.indexOf("pool") >= 0;
    var height = halved ? below.height >> 1 : below.height, width = halved ? below.width >> 1 : below.width;
    layers.push(layerOf(given, height, width, given.kind === "conv" ? given.channels : below.channels));
  });
  var net = { layers: layers, means: data.means, image: bytesOf(data.image), ask: { kind: "energy" } };
  for (var i = 0; i < net.image.length; i += 3) { readPixel(net, i / 3); }
  forward(net, whole(layers[0]));
  net.first = layers[layers.length - 1].a.slice();
  backward(net, whole(layers[0]));
  return net;
}

function layerOf(given, height, width, channels) {
  var size = height * width * channels;
  return {
    name: given.name, kind: given.kind, height: height, width: width, channels: channels,
    w: given.w && fromHalf(bytesOf(given.w)), b: given.b && fromHalf(bytesOf(given.b)),
    a: new Float32Array(size), g: new Float32Array(size)
  };
}

// A byte of the picture, which is RGB, minus the mean: x is BGR.
function readPixel(net, place) {
  for (var k = 0; k < 3; k++) { net.layers[0].a[3 * place + k] = net.image[3 * place + 2 - k] - net.means[k]; }
}

// Boxes: which rows and columns of a layer are computed anew.
function whole(layer) { return { top: 0, left: 0, bottom: layer.height, right: layer.width }; }

function clipped(layer, top, left, bottom, right) {
  return {
    top: Math.max(top, 0), left: Math.max(left, 0),
    bottom: Math.min(bottom, layer.height), right: Math.min(right, layer.width)
  };
}

function boxAbove(layer, box) {
  if (layer.kind === "conv") { return clipped(layer, box.top - 1, box.left - 1, box.bottom + 1, box.right + 1); }
  if (layer.kind === "relu") { return box; }
  return clipped(layer, box.top >> 1, box.left >> 1, box.bottom + 1 >> 1, box.right + 1 >> 1);
}

function boxBelow(layer, below, box) {
  if (layer.kind === "conv") { return clipped(below, box.top - 1, box.left - 1, box.bottom + 1, box.right + 1); }
  if (layer.kind === "relu") { return box; }
  // an odd row or column at the end is in no window of the pool: its gradient stays 0
  return clipped(below, 2 * box.top, 2 * box.left, 2 * box.bottom, 2 * box.right);
}

function eachPlace(box, visit) {
  for (var row = box.top; row < box.bottom; row++) {
    for (var col = box.left; col < box.right; col++) { visit(row, col); }
  }
}

// The way up, from layer 0; `box` says what has changed there. Returns what has changed at the top.
function forward(net, box) {
  for (var i = 1; i < net.layers.length; i++) {
    var below = net.layers[i - 1], layer = net.layers[i];
    box = boxAbove(layer, box);
    UP[layer.kind](below, layer, box);
  }
  return box;
}

// The way down, from J; `box` says where the top has changed.
function backward(net, box) {
  var top = start(net);
  for (var i = net.layers.length - 1; i > top; i--) { net.layers[i].g.fill(0); }
  for (i = top; i > 0; i--) {
    var layer = net.layers[i], below = net.layers[i - 1];
    box = boxBelow(layer, below, box);
    DOWN[layer.kind](below, layer, box);
  }
}

// The gradient with which the way down begins, and the layer where it does.
function start(net) {
  var top = net.layers.length - 1, layer = net.layers[top];
  if (net.ask.kind === "number") {
    layer = net.layers[net.ask.layer];
    layer.g.fill(0);
    layer.g[net.ask.index] = 1;
    return net.ask.layer;
  }
  for (var n = 0; n < layer.a.length; n++) { layer.g[n] = layer.a[n] - targetOf(net, n); }
  return top;
}

// What a number at the top is compared with: J is half the sum of the squared differences.
function targetOf(net, n) { return net.ask.kind === "content" ? net.first[n] : 0; }

function costOf(net) {
  if (net.ask.kind === "number") { return net.layers[net.ask.layer].a[net.ask.index]; }
  return net.layers[net.layers.length - 1].a.reduce(function (sum, value, n) {
    return sum + Math.pow(value - targetOf(net, n), 2) / 2;
  }, 0);
}

var UP = {
  conv: function (below, layer, box) {
    var count = layer.channels, channels = below.channels, sum = new Float64Array(count), w = layer.w;
    eachPlace(box, function (row, col) {
      sum.set(layer.b);
      eachTap(below, row, col, function (tap, place) {
        for (var k = 0; k < channels; k++) {
          var value = below.a[place * channels + k], at = (tap * channels + k) * count;
          if (value !== 0) { for (var n = 0; n < count; n++) { sum[n] += value * w[at + n]; } }
        }
      });
      layer.a.set(sum, (row * layer.width + col) * count);
    });
  },
  relu: function (below, layer, box) {
    eachNumber(layer, box, function (n) { layer.a[n] = Math.max(0, below.a[n]); });
  },
  avgpool: function (below, layer, box) {
    eachNumber(layer, box, function (n, row, col, k) {
      var four = window2(below, row, col, k);
      layer.a[n] = four.reduce(function (sum, at) { return sum + below.a[at]; }, 0) / 4;
    });
  },
  maxpool: function (below, layer, box) {
    eachNumber(layer, box, function (n, row, col, k) { layer.a[n] = below.a[largest(below, row, col, k)]; });
  }
};

var DOWN = {
  // the kernel is turned by half a circle: what it gave to above and left comes back from there
  conv: function (below, layer, box) {
    var count = layer.channels, channels = below.channels, w = layer.w, g = layer.g;
    eachPlace(box, function (row, col) {
      var sum = new Float64Array(channels);
      eachTap(layer, row, col, function (turned, place) {
        var from = place * count, any = false, n;
        for (n = 0; n < count && !any; n++) { any = g[from + n] !== 0; }
        if (!any) { return; }
        for (var k = 0; k < channels; k++) {
          var at = ((8 - turned) * channels + k) * count, dot = 0;
          for (n = 0; n < count; n++) { dot += g[from + n] * w[at + n]; }
          sum[k] += dot;
        }
      });
      below.g.set(sum, (row * below.width + col) * channels);
    });
  },
  relu: function (below, layer, box) {
    eachNumber(layer, box, function (n) { below.g[n] = below.a[n] > 0 ? layer.g[n] : 0; });
  },
  avgpool: function (below, layer, box) {
    eachNumber(below, box, function (n, row, col, k) {
      var at = above2(layer, row, col, k);
      below.g[n] = at < 0 ? 0 : layer.g[at] / 4;
    });
  },
  maxpool: function (below, layer, box) {
    eachNumber(below, box, function (n, row, col, k) {
      var at = above2(layer, row, col, k);
      below.g[n] = at >= 0 && largest(below, row >> 1, col >> 1, k) === n ? layer.g[at] : 0;
    });
  }
};

function eachNumber(layer, box, visit) {
  eachPlace(box, function (row, col) {
    for (var k = 0, n = (row * layer.width + col) * layer.channels; k < layer.channels; k++, n++) {
      visit(n, row, col, k);
    }
  });
}

// The nine places around one, row after row; those outside are zeros and are left out.
function eachTap(layer, row, col, visit) {
  for (var tap = 0; tap < 9; tap++) {
    var r = row + Math.floor(tap / 3) - 1, c = col + tap % 3 - 1;
    if (r >= 0 && c >= 0 && r < layer.height && c < layer.width) { visit(tap, r * layer.width + c, r, c); }
  }
}

function indexOf(layer, row, col, k) { return (row * layer.width + col) * layer.channels + k; }

function window2(below, row, col, k) {
  return [0, 1, 2, 3].map(function (i) { return indexOf(below, 2 * row + (i >> 1), 2 * col + i % 2, k); });
}

// of equal ones the first
function largest(below, row, col, k) {
  return window2(below, row, col, k).reduce(function (best, at) { return below.a[at] > below.a[best] ? at : best; });
}

function above2(layer, row, col, k) {
  return row >> 1 < layer.height && col >> 1 < layer.width ? indexOf(layer, row >> 1, col >> 1, k) : -1;
}

// A pixel gets other bytes, and all that depends on it is computed anew.
function changePixel(net, row, col, rgb) {
  var bottom = net.layers[0], place = row * bottom.width + col;
  net.image.set(rgb, 3 * place);
  readPixel(net, place);
  var box = forward(net, { top: row, left: col, bottom: row + 1, right: col + 1 });
  backward(net, net.ask.kind === "number" ? whole(net.layers[net.ask.layer]) : box);
}

function askFor(net, ask) {
  net.ask = ask;
  backward(net, whole(ask.kind === "number" ? net.layers[ask.layer] : net.layers[net.layers.length - 1]));
}

// The terms of one number of layer i: for each channel below its nine products, and their sum.
function termsUp(net, i, row, col, channel) {
  var layer = net.layers[i], below = net.layers[i - 1];
  return groups(below, below.channels, row, col, below.a, function (tap, k) {
    return layer.w[(tap * below.channels + k) * layer.channels + channel];
  });
}

// The terms of one gradient of layer i: for each channel above its nine products, and their sum.
function termsDown(net, i, row, col, channel) {
  var layer = net.layers[i + 1], below = net.layers[i];
  return groups(layer, layer.channels, row, col, layer.g, function (turned, n) {
    return layer.w[((8 - turned) * below.channels + channel) * layer.channels + n];
  });
}

function groups(layer, channels, row, col, numbers, weight) {
  return Array.from({ length: channels }, function (_, k) {
    var taps = Array.from({ length: 9 }, function (_, tap) { return { number: 0, weight: weight(tap, k), product: 0 }; });
    var sum = 0;
    eachTap(layer, row, col, function (tap, place, r, c) {
      var found = taps[tap];
      found.row = r;
      found.col = c;
      found.number = numbers[place * channels + k];
      found.product = found.number * found.weight;
      sum += found.product;
    });
    return { channel: k, taps: taps, sum: sum };
  });
}
