import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const ENGINES = ['apache-beam', 'apache-beam/**', '@google-cloud/*'];

/** The rule that closes a seam: what matches `group` may not be imported. */
function closed(group, message) {
  return { 'no-restricted-imports': ['error', { patterns: [{ group, message }] }] };
}

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', 'out/', 'demo/']),
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      'no-console': 'error',
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        // A switch over a plain number or string cannot name all its cases; a union must.
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' },
      ],
      // Columns are walked by row number: the same loop then reads several of them.
      '@typescript-eslint/prefer-for-of': 'off',
    },
  },
  {
    // Who writes a filter, a decoder or a table needs to know neither Beam nor a cloud.
    files: [
      'filters/**/*.ts',
      'transforms/decode/**/*.ts',
      'reference/**/*.ts',
      'history/**/*.ts',
      'statistics/**/*.ts',
    ],
    rules: closed(
      [...ENGINES, '**/beam/**', '**/launch/**'],
      'filters, decoders, reference tables, history and statistics import no Beam, no cloud library and no launcher',
    ),
  },
  {
    // The history is the one thing that filters read of a bucket: this file stands for it.
    files: ['history/gcs-store.ts'],
    rules: closed(
      [...ENGINES, '!@google-cloud/storage', '**/beam/**', '**/launch/**'],
      'the store of history in a bucket imports no cloud library but that of Cloud Storage',
    ),
  },
  {
    // Whoever needs an object of a bucket gets it here.
    files: ['objects/**/*.ts'],
    rules: closed(
      ['apache-beam', 'apache-beam/**', '**/beam/**', '**/launch/**', '**/transforms/**'],
      'objects of Cloud Storage know neither the steps that read them nor the launcher',
    ),
  },
  {
    files: ['reference/update/fetch-gcs.ts'],
    rules: closed(
      [...ENGINES, '!@google-cloud/storage', '**/beam/**', '**/launch/**'],
      'feeds in a bucket are fetched with the library of Cloud Storage alone',
    ),
  },
  {
    // Only the graph itself stands above the records it moves.
    files: ['pipeline/**/*.ts'],
    ignores: ['pipeline/pipeline.ts'],
    rules: closed(
      [...ENGINES, '**/transforms/**', '**/launch/**', '**/beam/**'],
      'records know neither the steps that move them nor the engines that run those',
    ),
  },
  {
    files: ['transforms/**/*.ts', 'beam/**/*.ts', 'pipeline/pipeline.ts'],
    ignores: ['transforms/decode/**/*.ts'],
    rules: closed(['**/launch/**'], 'what launches the graph lies above it'),
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Cases are put together from pieces that the checker cannot see through.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
  { files: ['**/*.js'], extends: [tseslint.configs.base], rules: { 'no-console': 'error' } },
);
