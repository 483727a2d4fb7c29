export * from '../../src/client/node.ts';
